import { CHANGE_RULES, type ChangeRule } from './change-rules.ts';
import { describeSetting } from './formats.ts';
import { DEFAULT_FILES, SCHEMA } from './schema.ts';
import { type Group, isSetting, type Setting } from './setting.ts';
import { wrap, yamlScalar } from './text.ts';

const GENERATED = 'Made from `config/schema.ts` by `npm run docs`; do not edit.';

/** `docs/configuration.md` */
export function configurationPage(): string {
  const files = DEFAULT_FILES.map((file) => `\`${file}\``).join(' or ');
  return `# Configuration

<!-- ${GENERATED} -->

Every setting has a default, so that no configuration at all is one. What is said later wins:

1. the defaults below,
2. the file: \`--config FILE\`, else ${files} where there is one ([an example](../config/vedette.example.yaml)),
3. what was set over MQTT ([config/patch](mqtt-api.md#configpatch)), kept in \`remote-config.json\` in the state directory,
4. environment variables,
5. flags: \`--rtsp-port 8555\`, or \`--set streams.front.video.width=1920\` for any path.

\`vedette --check-config\` names everything that is wrong with it and ends with exit code 78; \`vedette --print-config\` shows the
effective values, where each comes from, and no secrets. In an environment variable or flag a list is separated by commas;
\`VEDETTE_STREAMS\` is YAML or JSON.

The file is read again with \`systemctl reload vedette\` (SIGHUP): the gateway follows what has changed, and viewers of everything
else notice nothing. A file that has become wrong is named in the log and changes nothing.

The last column says what a change does, there and over MQTT: nothing but take effect (live), or a restart of the stream, the listener,
the connection to the broker or the gateway, while everything else goes on. *Confirmed*: the change can cut the gateway off,
so it needs \`confirmWithin\` and is undone unless somebody confirms it. *No*: it is set at the machine only,
and a change restarts the gateway.

${sections(SCHEMA).join('\n\n')}
`;
}

const NESTED_TITLES: Readonly<Record<string, string>> = {
  groups: 'NAME',
  'group-list': 'N',
};

/** A table for each group, in the order of the schema. */
function sections(group: Group, path = ''): string[] {
  const own = Object.entries(group).filter((entry): entry is [string, Setting] => isSetting(entry[1]));
  const table = own.length === 0 ? [] : [section(path, own)];
  const inner = Object.entries(group).flatMap(([name, node]) => {
    const here = path === '' ? name : `${path}.${name}`;
    if (!isSetting(node)) return sections(node, here);
    if (node.of === undefined) return [];
    const part = NESTED_TITLES[node.format];
    return sections(node.of, part === undefined ? here : `${here}.${part}`);
  });
  return [...table, ...inner];
}

function section(path: string, settings: [string, Setting][]): string {
  const rows = settings.map(([name, setting]) => {
    const rule = CHANGE_RULES[[path.replace(/\b(NAME|N)\b/g, '*'), name].filter((part) => part !== '').join('.')];
    const cells = [
      `\`${name}\``,
      setting.doc,
      describeSetting(setting) + (setting.of === undefined ? '' : ', see below'),
      setting.of === undefined ? `\`${yamlScalar(setting.default)}\`` : '',
      [setting.env, setting.arg && `--${setting.arg}`].flatMap((text) => (text ? [`\`${text}\``] : [])).join('<br>'),
      rule === undefined ? '' : describeRule(path, rule),
    ];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  const heading = path === '' ? '## Top level' : `## \`${path}\``;
  return `${heading}

| setting | what it is | allowed | default | environment, flag | over MQTT |
|---|---|---|---|---|---|
${rows.join('\n')}`;
}

const PARTS: Readonly<Record<string, string>> = { mqtt: 'the connection', streams: 'the stream', webrtc: 'WebRTC' };

function describeRule(path: string, rule: ChangeRule): string {
  if (!rule.remote) return `no: ${rule.why}`;
  const [room = ''] = path.split('.');
  const part = rule.takes === 'gateway' ? 'the gateway' : (PARTS[room] ?? room.toUpperCase());
  const takes = rule.takes === 'live' ? 'live' : `restarts ${part}`;
  return rule.confirmed ? `${takes}, confirmed` : takes;
}

const WIDTH = 110;

/** `config/vedette.example.yaml`, which says nothing but the defaults. */
export function exampleFile(): string {
  const head = wrap(
    `Vedette: every setting with its default. ${GENERATED} Copy what you change to /etc/vedette/config.yaml. docs/configuration.md says which values are allowed.`,
    WIDTH,
  );
  return `${head.map((line) => `# ${line}`).join('\n')}\n\n${exampleGroup(SCHEMA, undefined, '').join('\n').trimStart()}\n`;
}

/** @param values what is shown instead of the defaults */
function exampleGroup(group: Group, values: Readonly<Record<string, unknown>> | undefined, indent: string): string[] {
  return Object.entries(group).flatMap(([name, node]): string[] => {
    const gap = indent === '' ? [''] : [];
    if (!isSetting(node)) return [...gap, `${indent}${name}:`, ...exampleGroup(node, undefined, `${indent}  `)];
    const comment = wrap(node.doc, WIDTH - indent.length).map((line) => `${indent}# ${line}`);
    const value = values?.[name] ?? node.default;
    if (node.of === undefined || isEmptyMap(node, value))
      return [...gap, ...comment, `${indent}${name}: ${yamlScalar(value)}`];
    return [...gap, ...comment, `${indent}${name}:`, ...exampleNested(node, node.of, value, `${indent}  `)];
  });
}

/** A map of groups without one: nothing to show. */
function isEmptyMap({ format }: Setting, value: unknown): boolean {
  return format === 'groups' && Object.keys(value as object).length === 0;
}

function exampleNested(setting: Setting, of: Group, value: unknown, indent: string): string[] {
  if (setting.format === 'groups') {
    return Object.entries(value as object).flatMap(([name, item]) => [
      `${indent}${name}:`,
      ...exampleGroup(of, item, `${indent}  `),
    ]);
  }
  if (!Array.isArray(value)) return exampleGroup(of, value as Record<string, unknown>, indent);
  return value.flatMap((item) => {
    const lines = exampleGroup(of, item, `${indent}  `);
    const first = lines.findIndex((line) => !line.trimStart().startsWith('#'));
    return lines.map((line, index) => (index === first ? `${indent}- ${line.trimStart()}` : line));
  });
}
