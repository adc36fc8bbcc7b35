/**
 * Why there is no connection. `version`: the broker does not speak this MQTT version; `refused`: it said no, for
 * example to the credentials; `closed`: it hung up without a word; `tls`: no trust; `unreachable`: nobody there;
 * `timeout`: no answer; `taken-over`: another client has our id; `files`: certificates that
 * cannot be read; `no-broker`: none is configured, none answers and Mosquitto is not installed; `too-large`: a message is more than the broker takes; `failed`: anything else
 */
export type MqttErrorCode =
  | 'version'
  | 'refused'
  | 'closed'
  | 'tls'
  | 'unreachable'
  | 'timeout'
  | 'taken-over'
  | 'no-broker'
  | 'files'
  | 'too-large'
  | 'failed';

export class MqttError extends Error {
  readonly code: MqttErrorCode;

  constructor(code: MqttErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'MqttError';
    this.code = code;
  }
}

/** Reason codes of CONNACK and DISCONNECT that we tell apart (MQTT 3.1.1, 3.2.2.3; MQTT 5, 3.2.2.2 and 3.14.2.1). */
const REASONS: Readonly<Record<number, MqttErrorCode>> = {
  1: 'version',
  2: 'refused',
  3: 'refused',
  4: 'refused',
  5: 'refused',
  132: 'version',
  133: 'refused',
  134: 'refused',
  135: 'refused',
  136: 'refused',
  137: 'refused',
  138: 'refused',
  142: 'taken-over',
};

/** Errors of sockets and TLS, by Node's code. */
const SOCKET_ERRORS: Readonly<Record<string, MqttErrorCode>> = {
  ECONNREFUSED: 'unreachable',
  ENOTFOUND: 'unreachable',
  EAI_AGAIN: 'unreachable',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  ETIMEDOUT: 'timeout',
  ECONNRESET: 'closed',
  EPIPE: 'closed',
  ERR_TLS_CERT_ALTNAME_INVALID: 'tls',
  ERR_SSL_WRONG_VERSION_NUMBER: 'tls',
  CERT_HAS_EXPIRED: 'tls',
  CERT_NOT_YET_VALID: 'tls',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'tls',
  SELF_SIGNED_CERT_IN_CHAIN: 'tls',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'tls',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'tls',
};

/** The one translation of what the client library and Node report. */
export function mqttErrorOf(cause: Error & { code?: string | number }): MqttError {
  const { code, message } = cause;
  const known = typeof code === 'number' ? REASONS[code] : SOCKET_ERRORS[code ?? ''];
  return new MqttError(known ?? 'failed', message, { cause });
}

/** What a person can do about it. */
export const MQTT_HINTS: Partial<Record<MqttErrorCode, string>> = {
  refused: 'check mqtt.username, mqtt.password and the rights of this user on the broker',
  version: 'the broker does not speak this version: set mqtt.protocolVersion to auto',
  tls: 'check mqtt.tls.caFile, the name in mqtt.url, and the clock of this machine',
  closed: 'if this repeats, another client may use the same client id (mqtt.clientId), or the port is not one of MQTT',
  'taken-over':
    'another client of the broker uses the same client id: give each gateway its own gateway.id or mqtt.clientId',
};
