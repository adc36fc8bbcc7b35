import { stringify } from 'yaml';

const DESCRIPTION = `\
Everything of a gateway over MQTT: its state, requests and their answers, plain topics. \`base\` is
\`<mqtt.baseTopic>/<gateway.id>\`, by default \`vedette/<host name>\`. For people: mqtt-api.md.`;

const parameters = {
  base: { description: '`<mqtt.baseTopic>/<gateway.id>`', default: 'vedette/porch' },
  stream: { description: 'Name of a stream', default: 'camera' },
  property: { description: '`enabled`, `privacy`, `bitrate`, `frameRate`, or a control of the camera' },
};

/** What every request may carry. */
const common = {
  transaction: { type: 'string', maxLength: 200, description: 'Repeated in the answer' },
  deadline: { type: 'string', description: 'A time as 2026-01-31T12:00:00Z after which it is not carried out' },
};

/** `docs/asyncapi.yaml` (AsyncAPI 3.0): what the gateway publishes and takes, as the daemon has it. */
export function asyncApiDocument({ commands, publications, schemas, errorCodes, version }) {
  const channels = {};
  const operations = {};
  for (const [topic, { summary, retained, qos, contentType, payload }] of Object.entries(publications)) {
    const key = keyOf(topic);
    channels[key] = channel(topic, { [key]: { name: key, summary, contentType, payload } });
    operations[key] = {
      action: 'send',
      channel: { $ref: `#/channels/${key}` },
      bindings: { mqtt: { qos, retain: retained, bindingVersion: '0.2.0' } },
    };
  }
  for (const [name, { summary, request, result, example = {} }] of Object.entries(commands)) {
    const key = keyOf(name);
    channels[`request_${key}`] = channel(`request/${name}`, {
      request: {
        name: `${name} request`,
        contentType: 'application/json',
        payload: { ...request, properties: { ...common, ...request.properties } },
        bindings: { mqtt: { bindingVersion: '0.2.0' } },
        examples: [{ payload: example }],
      },
    });
    channels[`response_${key}`] = channel(`response/${name}`, {
      answer: { name: `${name} answer`, contentType: 'application/json', payload: answer(result) },
    });
    operations[`request_${key}`] = {
      action: 'receive',
      summary,
      channel: { $ref: `#/channels/request_${key}` },
      bindings: { mqtt: { qos: 1, retain: false, bindingVersion: '0.2.0' } },
      reply: {
        address: {
          description: 'The Response Topic of MQTT 5; without it `response/<command>`',
          location: '$message.header#/responseTopic',
        },
        channel: { $ref: `#/channels/response_${key}` },
      },
    };
  }
  channels.set = channel('streams/{stream}/set/{property}', {
    value: {
      name: 'value',
      contentType: 'text/plain',
      payload: { type: 'string', maxLength: 256 },
      examples: [{ payload: 'ON' }],
    },
  });
  operations.set = {
    action: 'receive',
    summary: 'Sets a property of a stream to a bare value, as stream/set does',
    channel: { $ref: '#/channels/set' },
  };
  const document = {
    asyncapi: '3.0.0',
    info: { title: 'Vedette', version, description: DESCRIPTION, license: { name: 'MIT' } },
    defaultContentType: 'application/json',
    servers: {
      broker: {
        host: 'localhost:1883',
        protocol: 'mqtt',
        protocolVersion: '5',
        description: 'Or mqtts, ws, wss; or 3.1.1',
      },
    },
    channels: shared(channels, schemas),
    operations,
    components: { schemas: { error: error(errorCodes), ...components(schemas) } },
  };
  const text = stringify(document, { aliasDuplicateObjects: false, lineWidth: 120 });
  return `# Made from daemon/control/commands.ts and publications.ts by \`npm run docs\`; do not edit.\n${text}`;
}

/** The parts of answers that have a name of their own, each once. */
function components(schemas) {
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => {
      const others = Object.entries(schemas).filter(([other]) => other !== name);
      return [name, shared(schema, Object.fromEntries(others))];
    }),
  );
}

/** A copy that refers to the named schemas instead of repeating them. */
function shared(node, schemas) {
  if (typeof node !== 'object' || node === null) return node;
  if (Array.isArray(node)) return node.map((item) => shared(item, schemas));
  const name = Object.keys(schemas).find((candidate) => schemas[candidate] === node);
  if (name !== undefined) return { $ref: `#/components/schemas/${name}` };
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, shared(value, schemas)]));
}

function channel(topic, messages) {
  const names = ['base', ...[...topic.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)];
  return {
    address: `{base}/${topic}`,
    messages,
    parameters: Object.fromEntries(names.map((name) => [name, parameters[name]])),
  };
}

function answer(result) {
  const transaction = { type: 'string', description: 'Of the request' };
  return {
    oneOf: [
      {
        type: 'object',
        properties: { status: { const: 'ok' }, data: result, transaction },
        required: ['status', 'data'],
      },
      {
        type: 'object',
        properties: { status: { const: 'error' }, error: { $ref: '#/components/schemas/error' }, transaction },
        required: ['status', 'error'],
      },
    ],
  };
}

function error(codes) {
  return {
    type: 'object',
    properties: {
      code: { enum: codes },
      message: { type: 'string' },
      path: { type: 'string', description: 'JSON pointer to what is wrong' },
    },
    required: ['code', 'message'],
  };
}

function keyOf(topic) {
  return topic.replace(/[{}]/g, '').replace(/[/-]/g, '_');
}
