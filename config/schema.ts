import { AUDIO_CODECS, H264_PROFILES, VIDEO_CODECS } from './codecs.ts';
import { EVENT_TYPES } from './event-types.ts';
import { type Group, isSetting, type Setting } from './setting.ts';

/** Rises when a setting has another name or meaning than before, so that older values are not taken for it. */
export const SCHEMA_VERSION = 1;

/** Where the configuration is read from when no file is named; the first that exists. */
export const DEFAULT_FILES = ['/etc/vedette/config.yaml', 'vedette.yaml'];

const HOST = {
  pattern: /^[A-Za-z0-9.:-]{1,253}$/,
  allowed: 'an IP address or host name',
};

function listener(protocol: string, port: number, transport: 'TCP' | 'UDP', enabled = true, host = '0.0.0.0') {
  return {
    enabled: { doc: `Whether ${protocol} is served.`, format: 'flag', default: enabled },
    host: {
      doc: 'Address to listen on; `0.0.0.0` is every IPv4 address and `::` every address of the machine. Loopback as long as there is no user.',
      format: 'text',
      default: host,
      ...HOST,
    },
    port: {
      doc: `${transport} port; 0 takes a free one. Where the default is taken, the next free port is used.`,
      format: 'integer',
      default: port,
      minimum: 0,
      maximum: 65535,
    },
  } as const;
}

function maxViewers(count: number) {
  return {
    doc: 'How many viewers are served at once; more are turned away.',
    format: 'integer',
    default: count,
    minimum: 0,
    maximum: 10_000,
  } as const;
}

function file(doc: string): Setting {
  return {
    doc: `${doc} A relative path starts at the configuration file; \`\${CREDENTIALS_DIRECTORY}\` is where systemd puts credentials.`,
    format: 'text',
    default: '',
    allowed: 'the path of a file',
  };
}

const device = {
  format: 'text',
  default: 'any',
  pattern: /^.{1,256}$/,
  allowed: '`any`, `test`, a device id, label, path or serial number, or a pattern of its path, links or bus',
} as const;

const video: Group = {
  device: {
    ...device,
    doc: 'The camera: `any` (the first one, else the test picture), `test`, `latency` (a test picture that shows the time of its making, for people and for programs), its id, label, path or serial number, or a pattern of its path, links or bus: `/dev/v4l/by-path/*usb-0:1.2:*`.',
  },
  width: {
    doc: 'Wanted width; the nearest that the camera has is taken.',
    format: 'integer',
    default: 1280,
    minimum: 16,
    maximum: 7680,
    unit: 'pixels',
  },
  height: {
    doc: 'Wanted height; the nearest that the camera has is taken.',
    format: 'integer',
    default: 720,
    minimum: 16,
    maximum: 4320,
    unit: 'pixels',
  },
  frameRate: {
    doc: 'Wanted frame rate; the nearest that the camera has is taken.',
    format: 'decimal',
    default: 30,
    minimum: 1,
    maximum: 240,
    unit: 'frames per second',
  },
  orientation: {
    doc: 'How the picture is turned, after it was cut: for a camera that hangs upside down or lies on its side.',
    format: 'choice',
    default: 'none',
    choices: [
      'none',
      'clockwise',
      'rotate-180',
      'counterclockwise',
      'horizontal-flip',
      'vertical-flip',
      'upper-left-diagonal',
      'upper-right-diagonal',
    ],
  },
  crop: {
    doc: 'Percent of the picture to cut off at the top, the right, the bottom and the left, before anything else.',
    format: 'text',
    default: '0 0 0 0',
    pattern: /^([0-9]{1,2})( [0-9]{1,2}){3}$/,
    allowed: 'four numbers from 0 to 99, for example `0 10 25 10`',
  },
  overlay: {
    doc: 'Text in the lower left corner. `%F`, `%T` and the other conversions of strftime(3) become date and time. Empty: none.',
    format: 'text',
    default: '',
    pattern: /^.{0,128}$/,
    allowed: 'up to 128 characters',
  },
  passthrough: {
    doc: '`auto`: H.264 and H.265 that the camera makes itself go out as they are, to encodings of that codec, untouched by `maxBitrate` and `keyFrameInterval`, where an encoding asks for no other size, rate or look. `never`: everything is encoded here.',
    format: 'choice',
    default: 'auto',
    choices: ['auto', 'never'],
  },
};

const audio: Group = {
  device: {
    ...device,
    doc: 'The microphone: `any` (the first one, else the test tone), `test`, its id, label, path or serial number, or a pattern of its path or links: `/dev/snd/by-path/*usb-0:1.2:*`.',
  },
  channelCount: {
    doc: 'Wanted number of channels; 2 gives mono from a microphone that has only one.',
    format: 'integer',
    default: 2,
    minimum: 1,
    maximum: 2,
  },
  codec: {
    doc: 'What encodes it. `auto`: what a network camera sends goes out as it is (AAC, G.711, Opus), where no gain is asked for; `opus` for all else. `aac` for recorders and players that know nothing newer, `pcma` and `pcmu` (G.711 A-law, µ-law) for telephony: browsers get `opus` beside `aac`, RTMP gets AAC in any case.',
    format: 'choice',
    default: 'auto',
    choices: ['auto', ...AUDIO_CODECS],
  },
  gain: {
    doc: 'Amplification.',
    format: 'decimal',
    default: 0,
    minimum: -60,
    maximum: 20,
    unit: 'dB',
  },
};

const encoding: Group = {
  rid: {
    doc: 'Name of the encoding, by which a viewer chooses it (RFC 8851).',
    format: 'text',
    default: 'main',
    pattern: /^[A-Za-z0-9_-]{1,16}$/,
    allowed: 'up to 16 letters, digits, `-` and `_`',
  },
  codec: {
    doc: 'What encodes it. RTSP carries all of them, WebRTC `h264` and `vp8` (`h265` where the browser offers it), RTMP `h264` alone. What this machine can encode stands in `gateway/info`.',
    format: 'choice',
    default: 'h264',
    choices: VIDEO_CODECS,
  },
  profile: {
    doc: 'Of `h264`: a later profile gives a better picture for the same bits; `baseline`, the constrained one, is what every player takes.',
    format: 'choice',
    default: 'baseline',
    choices: H264_PROFILES,
  },
  maxBitrate: {
    doc: 'Target of the encoder; `mjpeg` gets the quality that usual pictures take it at.',
    format: 'integer',
    default: 2_000_000,
    minimum: 50_000,
    maximum: 100_000_000,
    unit: 'bit/s',
  },
  maxFramerate: {
    doc: 'Frames that are left out to stay below it; `null`: none.',
    format: 'decimal',
    default: null,
    nullable: true,
    minimum: 1,
    maximum: 240,
    unit: 'frames per second',
  },
  scaleResolutionDownBy: {
    doc: 'By how much width and height are divided.',
    format: 'decimal',
    default: 1,
    minimum: 1,
    maximum: 16,
  },
  keyFrameInterval: {
    doc: 'Time between key frames that nobody asked for.',
    format: 'decimal',
    default: 2,
    minimum: 0.1,
    maximum: 60,
    unit: 'seconds',
  },
};

const stream: Group = {
  enabled: { doc: 'A stream that is not enabled does not exist for viewers.', format: 'flag', default: true },
  video: { doc: 'The picture; `false` for a stream without one.', format: 'group-or-false', default: {}, of: video },
  audio: { doc: 'The sound; `false` for a stream without it.', format: 'group-or-false', default: {}, of: audio },
  encodings: {
    doc: 'How the picture is encoded. The first is what viewers get who do not choose.',
    format: 'group-list',
    default: [{}],
    minimum: 1,
    maximum: 4,
    of: encoding,
  },
  start: {
    doc: '`on-demand`: devices are opened for the first viewer and closed after the last one. `always`: they stay open.',
    format: 'choice',
    default: 'on-demand',
    choices: ['on-demand', 'always'],
  },
  idleTimeout: {
    doc: 'Time without a viewer after which an on-demand stream closes its devices.',
    format: 'decimal',
    default: 10,
    minimum: 0,
    maximum: 86_400,
    unit: 'seconds',
  },
};

const hook: Group = {
  on: {
    doc: 'The events that it is run for.',
    format: 'texts',
    default: [],
    minimum: 1,
    maximum: EVENT_TYPES.length,
    choices: EVENT_TYPES,
  },
  streams: {
    doc: 'The streams whose events count; empty: all, and events that are about none.',
    format: 'texts',
    default: [],
    maximum: 32,
    allowed: 'names of streams',
  },
  run: {
    doc: 'The program and its arguments, as they are: no shell reads them.',
    format: 'arguments',
    default: [],
    minimum: 1,
    maximum: 64,
  },
  timeLimit: {
    doc: 'How long it may run before it is ended.',
    format: 'integer',
    default: 30,
    minimum: 1,
    maximum: 3600,
    unit: 'seconds',
  },
  concurrency: {
    doc: 'How many of it may run at once; events wait meanwhile.',
    format: 'integer',
    default: 1,
    minimum: 1,
    maximum: 16,
  },
};

const FINGERPRINT = {
  format: 'text',
  default: '',
  pattern: /^([0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){31})?$/,
  allowed: '32 bytes in hexadecimal with colons between them',
} as const;

const camera: Group = {
  url: {
    doc: 'Where it is, for example `rtsp://192.168.1.20/stream1`, without user name and password.',
    format: 'text',
    default: '',
    pattern: /^rtsps?:\/\/[^\s@"\\]+$/,
    allowed: 'a URL that starts with rtsp:// or rtsps://, without a user name',
  },
  username: { doc: 'User name at the camera; empty: none.', format: 'text', default: '' },
  passwordFile: file('File whose first line is the password at the camera, read at each connection. Empty: none.'),
  transport: {
    doc: '`tcp` gets through everywhere and loses nothing; `udp` for a camera that has no other.',
    format: 'choice',
    default: 'tcp',
    choices: ['tcp', 'udp'],
  },
  latency: {
    doc: 'How long a packet that is missing is waited for.',
    format: 'decimal',
    default: 0.2,
    minimum: 0,
    maximum: 10,
    unit: 'seconds',
  },
  timeout: {
    doc: 'Time without an answer, or without a picture, after which the camera counts as gone.',
    format: 'decimal',
    default: 5,
    minimum: 1,
    maximum: 60,
    unit: 'seconds',
  },
  caFile: file('Certificates (PEM) that the camera is checked with, with rtsps://. Empty: those that come with Node.'),
  fingerprint: {
    ...FINGERPRINT,
    doc: 'SHA-256 fingerprint of the only certificate that the camera may have, with rtsps://, as `openssl x509 -fingerprint -sha256` writes it: for those who signed it themselves. Empty: any certificate of `caFile` for the name in `url`.',
  },
  insecure: {
    doc: 'Whether any certificate is believed, with rtsps://. Anybody on the way can then stand for the camera.',
    format: 'flag',
    default: false,
  },
};

/** What there is where no stream is given. */
export const DEFAULT_STREAMS = { camera: {} };

/**
 * The one home of defaults, limits, names and documentation of every setting. `settings.ts` beside it says how the
 * rooms receive them.
 */
export const SCHEMA: Group = named({
  gateway: {
    id: {
      doc: 'Name of this gateway, part of its MQTT topics. Empty: the host name.',
      format: 'text',
      default: '',
      pattern: /^([A-Za-z0-9][A-Za-z0-9_-]{0,63})?$/,
      allowed: 'up to 64 letters, digits, `-` and `_`',
    },
  },
  log: {
    level: {
      doc: 'The least important messages that are written.',
      format: 'choice',
      default: 'info',
      choices: ['debug', 'info', 'warn', 'error'],
    },
    format: {
      doc: '`auto` is pretty on a terminal and JSON elsewhere.',
      format: 'choice',
      default: 'auto',
      choices: ['auto', 'json', 'pretty'],
    },
  },
  devices: {
    usbResetAfter: {
      doc: 'After so many attempts in a row that brought no picture a USB camera is reset, as pulling it out would: see docs/raspberry-pi.md for the rights that takes. 0: never.',
      format: 'integer',
      default: 0,
      minimum: 0,
      maximum: 1000,
    },
  },
  stateDirectory: {
    doc: 'Where the gateway keeps what must survive a restart. Empty: what systemd says, else `/var/lib/vedette` for root and `~/.local/state/vedette` for others.',
    format: 'text',
    default: '',
    allowed: 'the path of a directory',
  },
  access: {
    usersFile: file(
      'Users, tokens and rights, as `vedette user` writes them. Empty: `users.yaml` in the state directory.',
    ),
  },
  mqtt: {
    url: {
      doc: 'The broker. Empty: one that answers on 127.0.0.1 at the embedded port, else an own one there.',
      format: 'text',
      default: '',
      pattern: /^((mqtts?|wss?):\/\/[^\s]+)?$/,
      allowed: 'a URL that starts with mqtt://, mqtts://, ws:// or wss://',
    },
    baseTopic: {
      doc: 'What all topics start with; the id of the gateway follows.',
      format: 'text',
      default: 'vedette',
      pattern: /^(?!\$)[^#+/\s]+(\/[^#+/\s]+)*$/,
      allowed: 'topic levels without `#`, `+`, spaces and an empty level, not starting with `$`',
    },
    clientId: {
      doc: 'MQTT client identifier. Empty: made from the id of the gateway.',
      format: 'text',
      default: '',
      pattern: /^[A-Za-z0-9_.:-]{0,128}$/,
      allowed: 'up to 128 letters, digits and `_ . : -`',
    },
    username: { doc: 'User name at the broker; empty: none. Needed beside a password.', format: 'text', default: '' },
    password: {
      doc: 'Password at the broker. Better kept in a file.',
      format: 'text',
      default: '',
      sensitive: true,
    },
    passwordFile: file(
      'File with the password at the broker. Empty: the systemd credential `mqtt.password`, where there is one.',
    ),
    protocolVersion: {
      doc: '`auto` tries 5 and falls back to 3.1.1.',
      format: 'choice',
      default: 'auto',
      choices: ['auto', '5', '3.1.1'],
    },
    keepalive: {
      doc: 'Time without a message after which the connection is checked.',
      format: 'integer',
      default: 30,
      minimum: 5,
      maximum: 3600,
      unit: 'seconds',
    },
    willDelay: {
      doc: 'How long the broker waits for us to come back before it says `offline` (MQTT 5).',
      format: 'integer',
      default: 5,
      minimum: 0,
      maximum: 3600,
      unit: 'seconds',
    },
    telemetryInterval: {
      doc: 'Time between telemetry messages; 0: none.',
      format: 'integer',
      default: 30,
      minimum: 0,
      maximum: 86_400,
      unit: 'seconds',
    },
    snapshotInterval: {
      doc: 'Time between the pictures of a stream that is live, published to its `snapshot` topic; 0: only one when it becomes live.',
      format: 'integer',
      default: 0,
      minimum: 0,
      maximum: 86_400,
      unit: 'seconds',
    },
    discovery: {
      enabled: {
        doc: 'Whether Home Assistant finds the gateway and its streams by itself (MQTT discovery).',
        format: 'flag',
        default: true,
      },
      prefix: {
        doc: 'Where Home Assistant listens for discovery.',
        format: 'text',
        default: 'homeassistant',
        pattern: /^(?!\$)[^#+/\s]+(\/[^#+/\s]+)*$/,
        allowed: 'topic levels without `#`, `+`, spaces and an empty level, not starting with `$`',
      },
    },
    acl: {
      rights: {
        doc: 'What everybody may request who can send to us on the broker.',
        format: 'texts',
        default: ['view', 'listen', 'snapshot', 'publish', 'control', 'metrics'],
        choices: ['view', 'listen', 'snapshot', 'publish', 'control', 'metrics'],
        maximum: 6,
      },
      commands: {
        doc: 'The beginnings of the commands that everybody may request, for example `stream/`; an empty list is all.',
        format: 'texts',
        default: [],
        maximum: 64,
        pattern: /^[a-z]+(\/[a-z-]*)?$/,
        allowed: 'beginnings of commands',
      },
      publicKeyFile: file(
        'Public key (PEM) that tokens are checked with, which give more than that; see docs/security.md. Empty: no tokens.',
      ),
    },
    embeddedPort: {
      doc: 'TCP port of the own broker, which listens on 127.0.0.1 only; 0 takes a free one.',
      format: 'integer',
      default: 1883,
      minimum: 0,
      maximum: 65535,
    },
    tls: {
      caFile: file('Certificates (PEM) that the broker is checked with. Empty: those of the system.'),
      certFile: file('Our certificate (PEM), where the broker wants one.'),
      keyFile: file('The key (PEM) of our certificate.'),
      fingerprint: {
        ...FINGERPRINT,
        doc: 'SHA-256 fingerprint of the only certificate that the broker may have, as `openssl x509 -fingerprint -sha256` writes it; the name in it does not matter then. Empty: any certificate of `caFile` for the name in `mqtt.url`.',
      },
      insecure: {
        doc: 'Whether a broker is believed whose certificate does not hold. Anybody on the way can then read and command.',
        format: 'flag',
        default: false,
      },
    },
  },
  rtsp: {
    ...listener('RTSP', 8554, 'TCP'),
    sessionTimeout: {
      doc: 'Time without a sign of life after which a session is closed.',
      format: 'integer',
      default: 60,
      minimum: 10,
      maximum: 3600,
      unit: 'seconds',
    },
    maxViewers: maxViewers(50),
    udp: { doc: 'Whether RTP over UDP is offered besides TCP.', format: 'flag', default: true },
    digest: {
      doc: 'Digest algorithms that are offered, in this order. FFmpeg knows MD5 only and takes the last one; with SHA-256 alone it cannot sign in. An empty list offers Basic, which sends the password itself.',
      format: 'texts',
      default: ['SHA-256', 'MD5'],
      choices: ['SHA-256', 'MD5'],
      maximum: 2,
    },
  },
  http: {
    ...listener('the viewer page, WebRTC signalling, snapshots and metrics', 8080, 'TCP'),
    maxViewers: { ...maxViewers(20), doc: 'How many viewers of MJPEG are served at once; more are turned away.' },
    allowedHosts: {
      doc: "Names by which browsers may reach the gateway, besides IP addresses, `localhost` and the host's own name.",
      format: 'texts',
      default: [],
      maximum: 32,
      pattern: /^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$/,
      allowed: 'host names',
    },
    allowedOrigins: {
      doc: 'Other sites whose pages may play our streams.',
      format: 'texts',
      default: [],
      maximum: 32,
      pattern: /^https?:\/\/[A-Za-z0-9.-]+(:\d{1,5})?$/,
      allowed: 'origins such as https://example.org',
    },
  },
  webrtc: {
    ...listener('WebRTC', 8189, 'UDP'),
    maxViewers: maxViewers(20),
    iceServers: {
      doc: 'STUN and TURN servers for viewers beyond the local network, for example `stun:stun.example.org:3478`.',
      format: 'texts',
      default: [],
      maximum: 8,
      pattern: /^(stuns?|turns?):\S+$/,
      allowed: 'URLs that start with stun:, stuns:, turn: or turns:',
    },
  },
  rtmp: {
    ...listener('RTMP and HTTP-FLV', 1935, 'TCP', false, '127.0.0.1'),
    maxViewers: maxViewers(10),
  },
  cameras: {
    doc: 'Cameras that are reached over RTSP, by a name of your choice, which `device` of a stream names.',
    format: 'groups',
    default: {},
    maximum: 32,
    pattern: /^[a-z0-9][a-z0-9_-]{0,31}$/,
    allowed: 'up to 32 small letters, digits, `-` and `_`, the first a letter or digit',
    of: camera,
  },
  thermal: {
    reduce: {
      doc: 'Whether less is encoded while the machine is hot: half of the frames, then a quarter, and fewer bits. What a camera encodes itself stays as it is.',
      format: 'flag',
      default: false,
    },
    temperature: {
      doc: 'Temperature of the processor from which half of the frames are encoded; a quarter from five degrees more, or when the firmware slows the processor down all the same.',
      format: 'decimal',
      default: 75,
      minimum: 30,
      maximum: 110,
      unit: 'degrees Celsius',
    },
    recovery: {
      doc: 'How long it has to be five degrees cooler before a step is taken back.',
      format: 'decimal',
      default: 60,
      minimum: 1,
      maximum: 3600,
      unit: 'seconds',
    },
  },
  streams: {
    doc: 'The streams by name, which is their path in every address. Streams that are given replace the default one.',
    format: 'groups',
    default: DEFAULT_STREAMS,
    maximum: 32,
    pattern: /^[a-z0-9][a-z0-9_-]{0,31}$/,
    allowed: 'up to 32 small letters, digits, `-` and `_`, the first a letter or digit',
    of: stream,
  },
  hooks: {
    doc: 'Programs that are run when something happens, by a name of your choice: see docs/hooks.md.',
    format: 'groups',
    default: {},
    maximum: 32,
    pattern: /^[a-z0-9][a-z0-9_-]{0,31}$/,
    allowed: 'up to 32 small letters, digits, `-` and `_`, the first a letter or digit',
    of: hook,
  },
});

/**
 * Gives each setting the environment variable and flag of its path: `rtsp.port` is VEDETTE_RTSP_PORT and `--rtsp-port`.
 * Maps have no flag of their own, and secrets neither, because every process can read a command line.
 */
function named(group: Group, path: readonly string[] = []): Group {
  const result: Group = {};
  for (const [name, node] of Object.entries(group)) {
    const here = [...path, name];
    if (!isSetting(node)) {
      result[name] = named(node, here);
      continue;
    }
    const words = here.map((part) => part.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)).join('-');
    const arg = node.sensitive || node.of !== undefined ? {} : { arg: words };
    result[name] = { ...node, ...arg, env: `VEDETTE_${words.toUpperCase().replaceAll('-', '_')}` };
  }
  return result;
}
