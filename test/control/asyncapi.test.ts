import { Parser } from '@asyncapi/parser';
import { test } from 'tap';
import { COMMANDS } from '../../daemon/control/commands.ts';
import { PUBLICATIONS } from '../../daemon/control/publications.ts';
import { ApiDocument, ASYNCAPI_TEXT } from '../support/asyncapi.ts';

test('docs/asyncapi.yaml is a valid AsyncAPI 3 document of every command and topic', { timeout: 60_000 }, async (t) => {
  const { document, diagnostics } = await new Parser().parse(ASYNCAPI_TEXT);
  const errors = diagnostics.filter(({ severity }) => severity === 0).map(({ message, path }) => [message, path]);
  t.same(errors, []);
  const addresses = document
    ?.channels()
    .all()
    .map((channel) => channel.address());
  for (const name of Object.keys(COMMANDS)) {
    t.ok(addresses?.includes(`{base}/request/${name}`), name);
    t.ok(addresses?.includes(`{base}/response/${name}`), name);
  }
  for (const topic of Object.keys(PUBLICATIONS)) t.ok(addresses?.includes(`{base}/${topic}`), topic);
  t.equal(document?.operations().filterByReceive().length, Object.keys(COMMANDS).length + 1);
});

test('the check of messages finds what is wrong', (t) => {
  const api = new ApiDocument('vedette/porch');
  t.equal(api.problem('vedette/porch/availability', 'online', true), undefined);
  t.match(api.problem('vedette/porch/availability', 'here', true), /allowed values/);
  t.match(api.problem('vedette/porch/nowhere', '', true), /not in the document/);
  t.match(api.problem('vedette/porch/response/stream/get', '{"status":"ok","data":{}}', false), /required/);
  t.match(api.problem('vedette/porch/response/stream/get', '{"status":"error","error":{"code":"x"}}', false), /error/);
  t.end();
});
