/** Where people find us. */
export interface MqttAddress {
  url: string;
  host: string;
  port: number;
  /** `<baseTopic>/<gatewayId>`. */
  base: string;
  /** The broker is our child. */
  embedded: boolean;
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'mqtt:': 1883, 'mqtts:': 8883, 'ws:': 80, 'wss:': 443 };

/** Without the password that a URL may carry. */
export function mqttAddress(url: string, base: string, embedded: boolean): MqttAddress {
  const { protocol, hostname, port } = new URL(url);
  const defaultPort = DEFAULT_PORTS[protocol] ?? 1883;
  return {
    url: url.replace(/\/\/[^@/]*@/, '//'),
    host: hostname,
    port: port === '' ? defaultPort : Number(port),
    base,
    embedded,
  };
}
