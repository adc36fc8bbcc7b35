const PREAMBLE = `# MQTT interface

For programs: [asyncapi.yaml](asyncapi.yaml) (AsyncAPI 3), made from the same tables.

<!-- Made from \`daemon/control/commands.ts\` by \`npm run docs\`; do not edit. -->

\`B\` is \`<mqtt.baseTopic>/<gateway.id>\`, by default \`vedette/<host name>\`. MQTT 5, with 3.1.1 as a fallback on the same topics.

\`\`\`sh
mosquitto_sub -t 'vedette/#' -v                                                         # everything
mosquitto_rr -V 5 -t 'vedette/HOST/request/stream/list' -e 'my/answers' -m '{}'          # ask, and wait for the answer
mosquitto_pub -t 'vedette/HOST/request/stream/keyframe' -m '{"name":"camera"}'           # ask, also with MQTT 3.1.1
\`\`\`

$PUBLICATIONS

A browser that reaches the broker by WebSocket can show the picture without any other way to the gateway:
[mqtt-viewer.html](mqtt-viewer.html).

## Plain topics

\`B/streams/<name>/set/<property>\` takes a bare value (\`ON\`, \`OFF\`, a number, a word), for automations that have no JSON:
\`enabled\`, \`privacy\`, \`bitrate\` (bit/s), \`frameRate\`, and each control of the camera by its name, of a menu the number or the label.
What came of it shows in the stream's state; what did not is an event of type \`set_failed\`. A retained value is refused.

\`\`\`sh
mosquitto_pub -t 'vedette/HOST/streams/camera/set/enabled' -m OFF
\`\`\`

Home Assistant finds all of this by itself: [home-assistant.md](home-assistant.md).

## Requests

Publish a JSON object to \`B/request/<command>\`; nothing at all is an empty object. The answer goes to the Response Topic with
the Correlation Data (MQTT 5). To \`B/response/<command>\` it goes where there was no Response Topic, or the request has a
\`transaction\`, which the answer repeats:

\`\`\`json
{ "status": "ok", "data": {}, "transaction": "x" }
{ "status": "error", "error": { "code": "invalid_request", "message": "...", "path": "/name" }, "transaction": "x" }
\`\`\`

Every request gets one answer, also a malformed one. A retained request is refused. One with the Correlation Data of an earlier
one, or its transaction, is answered from memory within five minutes and not carried out again; after the answer \`busy\`, which
means that nothing was begun, it may come again as it is. One that has expired (message expiry, or \`deadline\`, a time as
\`2026-01-31T12:00:00Z\`) is refused.
`;

/** `docs/mqtt-api.md`: the commands, error codes and events as the daemon has them. */
export function mqttApiPage({ commands, publications, errorCodes, events }) {
  const rows = Object.entries(commands).map(
    ([name, { summary, right }]) => `| [\`${name}\`](#${anchor(name)}) | ${summary} | \`${right}\` |`,
  );
  const sections = Object.entries(commands).map(([name, command]) =>
    [
      `### ${name}`,
      `${command.summary}. Answered within ${command.timeLimit / 1000} s.`,
      section('Request', command.request),
      ...(command.example === undefined ? [] : [`Example:\n\n\`\`\`json\n${JSON.stringify(command.example)}\n\`\`\``]),
      section('Answer', command.result),
    ].join('\n\n'),
  );
  return [
    PREAMBLE.replace('$PUBLICATIONS', publicationTables(publications)),
    `\`error.code\` is one of ${errorCodes.map((code) => `\`${code}\``).join(' ')}.\n`,
    `| command | does | right |\n|---|---|---|\n${rows.join('\n')}\n`,
    `## The commands\n\n${sections.join('\n\n')}\n`,
    eventsSection(events),
  ].join('\n');
}

const EVENTS = `## The events

An event is a JSON object with \`id\` (unique), \`time\` (as the machine believes), \`uptime\` (seconds since its start),
\`type\`, \`stream\` where it is about one, and \`data\`. Types are stable; \`data\` may grow. Programs on the machine can be
run for events: [hooks.md](hooks.md).
`;

function eventsSection(events) {
  const sections = Object.entries(events).map(
    ([type, { summary, stream, data }]) =>
      `### ${type}\n\n${summary}.${stream ? ' Of a stream.' : ''}\n\n${section('`data`', data)}`,
  );
  return `${EVENTS}\n${sections.join('\n\n')}\n`;
}

function publicationTables(publications) {
  const rows = (kept) =>
    Object.entries(publications)
      .filter(([, { retained }]) => retained === kept)
      .map(([topic, { summary }]) => `| \`B/${topic.replace('{stream}', '<name>')}\` | ${summary} |`);
  const table = (kept) => `| topic | payload |\n|---|---|\n${rows(kept).join('\n')}`;
  return `## What is retained\n\n${table(true)}\n\nA topic whose object is gone is cleared by an empty payload.\n\n## What is not\n\n${table(false)}`;
}

/** As GitHub makes it of a heading. */
function anchor(heading) {
  return heading
    .toLowerCase()
    .replace(/[^\w -]/g, '')
    .replaceAll(' ', '-');
}

function section(title, schema) {
  const rows = members(schema);
  if (rows.length === 0) return `${title}: an empty object.`;
  return `${title}:\n\n| member | what it is |\n|---|---|\n${rows.map(([path, text]) => `| \`${path}\` | ${text} |`).join('\n')}`;
}

/** One row for each member of an object schema; those inside have the path of where they are. */
function members(schema, prefix = '') {
  return Object.entries(schema.properties ?? {}).flatMap(([name, member]) => {
    const needed = (schema.required ?? []).includes(name) ? '' : ', optional';
    const path = prefix + name;
    const inner = member.type === 'array' ? [member.items ?? {}, `${path}[].`] : [member, `${path}.`];
    const about = member.description === undefined ? '' : `. ${member.description}`;
    return [[path, `${typeOf(member)}${needed}${about}`], ...members(...inner)];
  });
}

function typeOf(schema) {
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(', ');
  if (schema.type === 'array') return `array of ${typeOf(schema.items ?? {})}`;
  const limits = [
    ['from', schema.minimum],
    ['above', schema.exclusiveMinimum],
    ['to', schema.maximum],
    ['up to', schema.maxLength, 'characters'],
  ]
    .filter(([, value]) => value !== undefined)
    .map(([word, value, unit]) => [word, value, unit].filter((part) => part !== undefined).join(' '));
  return [schema.type ?? 'any', ...limits].join(' ');
}
