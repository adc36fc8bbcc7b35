/** Cameras behind TLS: whose certificate is believed, and what is said where it is not. */
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import type { NetworkCameraSettings } from '../../config/settings.ts';
import { checkContinuity, collect, live, until } from '../support/capture-test-source.ts';
import { Certificates } from '../support/certificates.ts';
import { cameraProcess, cameraSettings, H264_10_SECONDS, networkSource } from '../support/network-camera.ts';

const certificates = new Certificates();
const { certificate, key } = certificates.of('server');
const { fingerprint256 } = new X509Certificate(readFileSync(certificate));

async function pictures(t: Test, url: string, settings: Partial<NetworkCameraSettings>): Promise<void> {
  const { source, track } = networkSource(t, 'video', cameraSettings(url, settings));
  const frames = collect(track);
  track.retain();
  await live(source);
  await until(() => frames.length >= 15);
  t.same(source.encoders, [], 'passed through');
  await source.close();
  checkContinuity(t, frames);
}

async function refusal(t: Test, url: string, settings: Partial<NetworkCameraSettings>): Promise<string> {
  const { source, track } = networkSource(t, 'video', cameraSettings(url, settings));
  track.retain();
  await until(() => source.muted);
  const { mutedReason = '' } = source;
  await source.close();
  return mutedReason;
}

test('what is believed', async (t) => {
  const login = { user: 'admin', password: 'open-sesame' };
  const camera = await cameraProcess(t, H264_10_SECONDS, { ...login, tls: { certificate, key } });
  const access = { username: login.user, passwordFile: join(certificates.folder, 'password') };
  writeFileSync(access.passwordFile, `${login.password}\n`);
  await pictures(t, camera.url, { ...access, caFile: certificates.ca });
  await pictures(t, camera.url, { ...access, fingerprint: fingerprint256.toLowerCase(), transport: 'udp' });
  await pictures(t, camera.url, { ...access, insecure: true });
});

test('what is not', async (t) => {
  t.teardown(() => certificates.remove());
  const camera = await cameraProcess(t, H264_10_SECONDS, { tls: { certificate, key } });
  const { host } = new URL(camera.url);
  t.equal(
    await refusal(t, camera.url, {}),
    `${host} has a certificate that nobody vouches for (UNABLE_TO_VERIFY_LEAF_SIGNATURE); its fingerprint is ${fingerprint256}`,
  );
  t.equal(
    await refusal(t, camera.url, { fingerprint: Array.from({ length: 32 }, () => '00').join(':') }),
    `${host} has a certificate with the fingerprint ${fingerprint256}, not the one that is configured`,
  );
  const elsewhere = camera.url.replace('127.0.0.1', 'localhost');
  t.match(
    await refusal(t, elsewhere, { caFile: certificates.ca }),
    /vouches for \(ERR_TLS_CERT_ALTNAME_INVALID\)/,
    'a certificate for another name',
  );
  const missing = join(certificates.folder, 'nowhere.crt');
  t.equal(await refusal(t, camera.url, { caFile: missing }), `its caFile cannot be read from ${missing}: ENOENT`);
  const plain = await cameraProcess(t, H264_10_SECONDS);
  t.match(
    await refusal(t, plain.url.replace('rtsp:', 'rtsps:'), { insecure: true }),
    /^127\.0\.0\.1:\d+ (cannot be reached|does not answer)/,
    'a camera without TLS',
  );
});
