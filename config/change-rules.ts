import type { Path } from './check.ts';
import { SCHEMA } from './schema.ts';
import { type Group, isSetting, type Setting } from './setting.ts';

/** What a change of a setting takes while the gateway runs. */
export type Takes =
  /** Nothing: it holds from now on. */
  | 'live'
  /** A restart of the part that it belongs to, see {@link partOf}. */
  | 'restart'
  /** A restart of the whole gateway. */
  | 'gateway';

export type ChangeRule =
  /** Set at the machine only; why, to stand behind "is set at the machine only: ". */
  | { remote: false; why: string }
  /** @property confirmed somebody must confirm the change afterwards, since it can cut us off. */
  | { remote: true; confirmed: boolean; takes: Takes };

const live: ChangeRule = { remote: true, confirmed: false, takes: 'live' };
const restart: ChangeRule = { remote: true, confirmed: false, takes: 'restart' };
const confirmedRestart: ChangeRule = { remote: true, confirmed: true, takes: 'restart' };

const local = (why: string): ChangeRule => ({ remote: false, why });
const file = local('it names a file');
const door = local('it decides who may come in, and from where');
const program = local('it runs a program');
const contact = local('it names an address that the gateway contacts by itself');

/**
 * Who may change a setting, and what a change takes: every setting of the schema, the parts of nested ones under `*`.
 * The one place that knows. A setting that is missing here is not set from afar.
 *
 * From afar nobody may reach a file, a program or an address of their choice, raise their rights, open a door that was
 * shut at the machine, or lock everybody out without a way back.
 */
export const CHANGE_RULES: Readonly<Record<string, ChangeRule>> = {
  'gateway.id': { remote: true, confirmed: true, takes: 'gateway' },
  'log.level': live,
  'log.format': local('it is for whoever reads the output at the machine'),
  'devices.usbResetAfter': live,
  stateDirectory: file,
  'access.usersFile': file,
  // The one address that is not local: the change is confirmed over the new broker, or undone.
  'mqtt.url': confirmedRestart,
  'mqtt.baseTopic': confirmedRestart,
  'mqtt.clientId': confirmedRestart,
  'mqtt.username': confirmedRestart,
  'mqtt.password': confirmedRestart,
  'mqtt.passwordFile': file,
  'mqtt.protocolVersion': confirmedRestart,
  'mqtt.keepalive': confirmedRestart,
  'mqtt.willDelay': confirmedRestart,
  'mqtt.telemetryInterval': live,
  'mqtt.snapshotInterval': restart,
  'mqtt.discovery.enabled': restart,
  'mqtt.discovery.prefix': local('it decides where we publish besides our own topics'),
  'mqtt.acl.rights': door,
  'mqtt.acl.commands': door,
  'mqtt.acl.publicKeyFile': file,
  'mqtt.embeddedPort': confirmedRestart,
  'mqtt.tls.caFile': file,
  'mqtt.tls.certFile': file,
  'mqtt.tls.keyFile': file,
  'mqtt.tls.fingerprint': local('it decides which brokers are believed'),
  'mqtt.tls.insecure': local('it decides which brokers are believed'),
  'rtsp.enabled': restart,
  'rtsp.host': door,
  'rtsp.port': restart,
  'rtsp.sessionTimeout': live,
  'rtsp.maxViewers': live,
  'rtsp.udp': restart,
  'rtsp.digest': door,
  'http.enabled': restart,
  'http.host': door,
  'http.port': restart,
  'http.maxViewers': live,
  'http.allowedHosts': door,
  'http.allowedOrigins': door,
  'webrtc.enabled': restart,
  'webrtc.host': door,
  'webrtc.port': restart,
  'webrtc.maxViewers': live,
  'webrtc.iceServers': contact,
  'rtmp.enabled': restart,
  'rtmp.host': door,
  'rtmp.port': restart,
  'rtmp.maxViewers': live,
  'thermal.reduce': live,
  'thermal.temperature': live,
  'thermal.recovery': live,
  'cameras.*.url': contact,
  'cameras.*.username': contact,
  'cameras.*.passwordFile': file,
  'cameras.*.transport': contact,
  'cameras.*.latency': contact,
  'cameras.*.timeout': contact,
  'cameras.*.caFile': file,
  'cameras.*.fingerprint': contact,
  'cameras.*.insecure': contact,
  'streams.*.enabled': restart,
  'streams.*.video': restart,
  'streams.*.video.device': restart,
  'streams.*.video.width': restart,
  'streams.*.video.height': restart,
  'streams.*.video.frameRate': restart,
  'streams.*.video.passthrough': restart,
  'streams.*.video.orientation': restart,
  'streams.*.video.crop': restart,
  'streams.*.video.overlay': restart,
  'streams.*.audio': restart,
  'streams.*.audio.device': restart,
  'streams.*.audio.channelCount': restart,
  'streams.*.audio.codec': restart,
  'streams.*.audio.gain': restart,
  'streams.*.encodings': restart,
  'streams.*.encodings.*.rid': restart,
  // Viewers cannot go over to another codec: they connect again.
  'streams.*.encodings.*.codec': restart,
  'streams.*.encodings.*.profile': live,
  'streams.*.encodings.*.maxBitrate': live,
  'streams.*.encodings.*.maxFramerate': live,
  'streams.*.encodings.*.scaleResolutionDownBy': live,
  'streams.*.encodings.*.keyFrameInterval': live,
  'streams.*.start': live,
  'streams.*.idleTimeout': live,
  'hooks.*.on': program,
  'hooks.*.streams': program,
  'hooks.*.run': program,
  'hooks.*.timeLimit': program,
  'hooks.*.concurrency': program,
};

/** A part of the gateway that takes a slice of the configuration and can be restarted alone. */
export type Part =
  | 'gateway'
  | 'log'
  | 'devices'
  | 'mqtt'
  | 'rtsp'
  | 'http'
  | 'webrtc'
  | 'rtmp'
  | 'thermal'
  | `streams/${string}`;

/** The part that a setting belongs to. */
export function partOf([room, name]: Path): Part {
  return room === 'streams' ? `streams/${name}` : (room as Part);
}

/** The rule of the setting at a path, which may be inside a nested one; undefined where there is none of its own. */
export function changeRule(path: Path): ChangeRule | undefined {
  const names: string[] = [];
  let node: Setting | Group | undefined = SCHEMA;
  for (const part of path) {
    if (node === undefined) return undefined;
    if (!isSetting(node)) {
      names.push(String(part));
      node = Object.hasOwn(node, part) ? node[part] : undefined;
    } else if (node.format === 'groups' || node.format === 'group-list') {
      names.push('*');
      node = node.of;
    } else if (node.of === undefined) {
      // Inside a plain value.
      break;
    } else {
      names.push(String(part));
      node = Object.hasOwn(node.of, part) ? node.of[part] : undefined;
    }
  }
  if (node === undefined) return undefined;
  const name = names.join('.');
  if (isSetting(node) && node.format !== 'groups') {
    return CHANGE_RULES[name] ?? local('it is not known to be safe to change from afar');
  }
  // Of a group that is local throughout nothing is set from afar; any other is as each of its parts is.
  const inner = Object.entries(CHANGE_RULES).filter(([candidate]) => candidate.startsWith(`${name}.`));
  return inner.every(([, rule]) => !rule.remote) ? inner[0]?.[1] : undefined;
}

/** The settings that have a rule: all that hold a value of their own, by the names of {@link CHANGE_RULES}. */
export function ruledSettings(group: Group = SCHEMA, path = ''): string[] {
  return Object.entries(group).flatMap(([name, node]) => {
    const here = path === '' ? name : `${path}.${name}`;
    if (!isSetting(node)) return ruledSettings(node, here);
    if (node.of === undefined) return [here];
    if (node.format === 'groups') return ruledSettings(node.of, `${here}.*`);
    return [here, ...ruledSettings(node.of, node.format === 'group-list' ? `${here}.*` : here)];
  });
}
