import type { IPublishPacket } from 'mqtt';

/** A message as the broker delivers it. */
export interface IncomingMessage {
  topic: string;
  payload: Buffer;
  /** The broker had it stored. */
  retain: boolean;
  /** MQTT 5 only. */
  responseTopic: string | undefined;
  correlationData: Buffer | undefined;
  /** The user property `authorization`, without its `Bearer`. */
  token: string | undefined;
  /** `mqtt`, or `mqtt:NAME` with the user property `user`, which a broker may set and anybody may claim. */
  sender: string;
  /** Seconds that were left when the broker sent it (MQTT 5, 3.3.2.3.3). */
  expiry: number | undefined;
}

/** What we read of a PUBLISH packet. A user property that comes several times means nothing. */
export function incomingMessage(
  topic: string,
  payload: Buffer,
  { retain, properties }: Pick<IPublishPacket, 'retain' | 'properties'>,
): IncomingMessage {
  const property = (name: string, pattern: RegExp): string | undefined => {
    const value = properties?.userProperties?.[name];
    return typeof value === 'string' ? pattern.exec(value)?.[1] : undefined;
  };
  const user = property('user', /^([\w.@+-]{1,64})$/);
  return {
    topic,
    payload,
    retain,
    responseTopic: properties?.responseTopic,
    correlationData: properties?.correlationData,
    token: property('authorization', /^Bearer (\S{1,8192})$/i),
    sender: user === undefined ? 'mqtt' : `mqtt:${user}`,
    expiry: properties?.messageExpiryInterval,
  };
}
