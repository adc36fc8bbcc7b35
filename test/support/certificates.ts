import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A certificate authority of our own, made for one test, with a server on 127.0.0.1 and a client. */
export class Certificates {
  readonly folder = mkdtempSync(join(tmpdir(), 'vedette-certificates-'));
  readonly ca = join(this.folder, 'ca.crt');

  constructor() {
    this.#openssl('req', '-x509', ...this.#newKey('ca'), '-out', this.ca, '-subj', '/CN=test authority');
    this.#issue('server', 'subjectAltName=IP:127.0.0.1');
    this.#issue('client', 'extendedKeyUsage=clientAuth');
    // The broker gives up root before it reads the key.
    execFileSync('chmod', ['-R', 'a+rX', this.folder]);
  }

  /** Paths of certificate and key. */
  of(name: 'server' | 'client'): { certificate: string; key: string } {
    return { certificate: join(this.folder, `${name}.crt`), key: join(this.folder, `${name}.key`) };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #issue(name: 'server' | 'client', extension: string): void {
    const request = join(this.folder, `${name}.csr`);
    this.#openssl('req', ...this.#newKey(name), '-out', request, '-subj', `/CN=${name}`, '-addext', extension);
    const authority = ['-CA', this.ca, '-CAkey', join(this.folder, 'ca.key'), '-CAcreateserial'];
    const { certificate } = this.of(name);
    this.#openssl('x509', '-req', '-in', request, '-out', certificate, ...authority, '-copy_extensions', 'copy');
  }

  #newKey(name: string): string[] {
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
    return [...curve, '-nodes', '-keyout', join(this.folder, `${name}.key`)];
  }

  #openssl(...args: string[]): void {
    execFileSync('openssl', args, { stdio: 'ignore' });
  }
}
