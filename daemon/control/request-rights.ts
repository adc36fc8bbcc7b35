import { readFileSync } from 'node:fs';
import type { MqttSettings } from '../../config/settings.ts';
import { RIGHTS, type Right } from '../access/access.ts';
import type { Clock } from '../lib/clock.ts';
import { ControlError } from './gateway-port.ts';

export interface RequestRightsOptions {
  /** As of now. */
  acl: () => MqttSettings['acl'];
  /** Who tokens are for: `<baseTopic>/<gatewayId>`, or the base topic for all its gateways. */
  audience: () => string[];
  clock: Clock;
}

/** What a request may do. */
export interface Grant {
  /** Who sent it, where a token says so. */
  subject: string | undefined;
  allows(command: string, right: Right, stream: string | undefined): boolean;
}

/** Signatures that anybody can check and nobody else can make. */
const ALGORITHMS = ['EdDSA', 'Ed25519', 'ES256', 'ES384', 'RS256', 'PS256'];
/** Seconds that clocks may differ. */
const TOLERANCE = 30;

/** Whether anybody who may send to us on the broker may ask for everything. */
export function trustsEverybody({ rights, commands }: MqttSettings['acl']): boolean {
  return commands.length === 0 && RIGHTS.every((right) => rights.includes(right));
}

/**
 * Who may ask for what (`mqtt.acl`). A broker lets a client send or not; what everybody may ask for who may send, and
 * what a signed token (RFC 7519) gives besides, is decided here.
 */
export class RequestRights {
  readonly #options: RequestRightsOptions;

  constructor(options: RequestRightsOptions) {
    this.#options = options;
  }

  /** @throws ControlError `forbidden` for a token that does not hold, with the reason. */
  async of(token: string | undefined): Promise<Grant> {
    const acl = this.#options.acl();
    const everybody = allowing(undefined, { rights: acl.rights, commands: acl.commands });
    if (token === undefined) return everybody;
    const holder = await this.#verify(token, acl.publicKeyFile);
    return {
      subject: holder.subject,
      allows: (...request) => holder.allows(...request) || everybody.allows(...request),
    };
  }

  async #verify(token: string, publicKeyFile: string): Promise<Grant> {
    if (publicKeyFile === '') throw new ControlError('forbidden', 'no tokens are taken here (mqtt.acl.publicKeyFile)');
    // Few gateways take tokens.
    const [{ jwtVerify }, { createPublicKey }] = await Promise.all([import('jose'), import('node:crypto')]);
    try {
      // Read each time, so that a new key holds at once.
      const key = createPublicKey(readFileSync(publicKeyFile));
      const { payload } = await jwtVerify(token, key, {
        algorithms: ALGORITHMS,
        audience: this.#options.audience(),
        requiredClaims: ['exp', 'sub'],
        clockTolerance: TOLERANCE,
        currentDate: new Date(this.#options.clock.wall()),
      });
      const { rights, commands = [], streams } = payload;
      return allowing(payload.sub, {
        rights: texts(rights, 'rights'),
        commands: texts(commands, 'commands'),
        ...(streams === undefined ? {} : { streams: texts(streams, 'streams') }),
      });
    } catch (error) {
      throw new ControlError('forbidden', `the token does not hold: ${error instanceof Error ? error.message : error}`);
    }
  }
}

/**
 * @param given `commands`: the beginnings of those that are allowed, none: all; `streams`: only requests that name one of
 *   these.
 */
function allowing(
  subject: string | undefined,
  given: { rights: readonly string[]; commands: readonly string[]; streams?: readonly string[] },
): Grant {
  const { rights, commands, streams } = given;
  return {
    subject,
    allows: (command, right, stream) =>
      rights.includes(right) &&
      (commands.length === 0 || commands.some((beginning) => command.startsWith(beginning))) &&
      (streams === undefined || (stream !== undefined && streams.includes(stream))),
  };
}

/** @throws Error for a claim that is no list of texts. */
function texts(claim: unknown, name: string): string[] {
  if (Array.isArray(claim) && claim.every((item) => typeof item === 'string')) return claim;
  throw new Error(`its claim ${name} must be a list of texts`);
}
