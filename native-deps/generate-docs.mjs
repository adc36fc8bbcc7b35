#!/usr/bin/env node
// Writes the documents that are made from the code, or with --check fails where one is stale. Needs a build.
import { readFileSync, writeFileSync } from 'node:fs';
import { asyncApiDocument } from './asyncapi-document.mjs';
import { cliPage } from './cli-page.mjs';
import { mqttApiPage } from './mqtt-api-page.mjs';

const { configurationPage, exampleFile } = await import('../dist/config/docs.js');
const { COMMANDS } = await import('../dist/daemon/control/commands.js');
const { EVENTS } = await import('../dist/daemon/control/events.js');
const { PUBLICATIONS } = await import('../dist/daemon/control/publications.js');
const { parseCommandLine } = await import('../dist/daemon/cli/parse.js');
const { helpText } = await import('../dist/daemon/cli/ctl/help.js');
const { CONTROL_ERROR_CODES } = await import('../dist/daemon/control/gateway-port.js');

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const api = {
  commands: COMMANDS,
  publications: PUBLICATIONS,
  schemas: {
    ...(await import('../dist/daemon/control/schemas.js')),
    ...(await import('../dist/daemon/control/config-schemas.js')),
  },
  errorCodes: CONTROL_ERROR_CODES,
  events: EVENTS,
  version,
};

/** What `vedette ctl ... --help` shows. */
const ctlHelp = (...words) => helpText(parseCommandLine(['ctl', ...words, '--help'], version));

const documents = {
  'docs/configuration.md': configurationPage(),
  'config/vedette.example.yaml': exampleFile(),
  'docs/mqtt-api.md': mqttApiPage(api),
  'docs/cli.md': cliPage(ctlHelp, Object.keys(COMMANDS)),
  'docs/asyncapi.yaml': asyncApiDocument(api),
};

for (const [path, content] of Object.entries(documents)) {
  const url = new URL(`../${path}`, import.meta.url);
  if (!process.argv.includes('--check')) {
    writeFileSync(url, content);
  } else if (current(url) !== content) {
    console.error(`${path} is stale: npm run docs`);
    process.exitCode = 1;
  }
}

function current(url) {
  try {
    return readFileSync(url, 'utf8');
  } catch {
    return undefined;
  }
}
