const PREAMBLE = `# Command line

<!-- Made from \`daemon/cli/\` and \`daemon/control/commands.ts\` by \`npm run docs\`; do not edit. -->

\`vedette\` runs the gateway; \`vedette --help\` shows its options, which are the settings of [configuration.md](configuration.md).
\`vedette user\` and \`vedette token\` say who may watch ([security.md](security.md)). \`vedette ctl\` commands and watches gateways,
this one and any other, over their MQTT broker. In a checkout the command is \`npm start --\`.

## Words that complete themselves

\`\`\`sh
source <(vedette completion bash)                                            # in ~/.bashrc; best with the package bash-completion
vedette completion zsh > /usr/local/share/zsh/site-functions/_vedette        # a folder of $fpath
vedette completion fish > ~/.config/fish/completions/vedette.fish
\`\`\`

## vedette ctl

An answer is shown as soon as it comes: aligned text for people on standard output, errors on standard error. With \`--json\` each
gateway is one line of JSON, \`{"gateway": "...", "status": "ok", "data": {...}}\`, with \`"status": "error"\` and \`error\` as in
[mqtt-api.md](mqtt-api.md#requests), or \`"status": "no-answer"\`; what \`data\` has stands there, too. \`log/tail\` goes on with the lines.

\`watch\` on a terminal is a picture that changes, those in trouble first; into a file or a pipe it writes a line for each change.

A wrong request is refused before anything is sent. A request that a gateway did not get in time is not carried out later (MQTT 5:
message expiry). Where requests need a signed token ([security.md](security.md)), \`--token-file\` or \`VEDETTE_CTL_TOKEN\` has it.
On the broker the rights of an operator are needed: [mosquitto.acl.example](../systemd/mosquitto.acl.example).
`;

/** `docs/cli.md`. @param help what `vedette ctl ... --help` shows for these words */
export function cliPage(help, commands) {
  const block = (text) => `\`\`\`text\n${text.trimEnd()}\n\`\`\``;
  const sections = commands.map((name) => `### ${name}\n\n${block(help(name))}`);
  return `${PREAMBLE}\n${block(help())}\n\n## The commands\n\n${sections.join('\n\n')}\n`;
}
