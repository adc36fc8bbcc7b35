import { Ajv } from 'ajv';
import { test } from 'tap';
import { COMMANDS } from '../../daemon/control/commands.ts';
import { withSharedParts } from '../../daemon/control/shared-schema.ts';
import { hostileRequest } from '../support/hostile-requests.ts';
import { SeededRandom } from '../support/seeded-random.ts';

test('what stands there twice is written once', (t) => {
  const number = { type: 'number', minimum: 0 };
  const range = { type: 'object', properties: { min: number, max: number } };
  t.same(withSharedParts({ type: 'object', properties: { width: range, height: range, type: { enum: ['type'] } } }), {
    type: 'object',
    properties: {
      width: { $ref: '#/definitions/part0' },
      height: { $ref: '#/definitions/part0' },
      type: { enum: ['type'] },
    },
    definitions: {
      part0: {
        type: 'object',
        properties: { min: { $ref: '#/definitions/part1' }, max: { $ref: '#/definitions/part1' } },
      },
      part1: number,
    },
  });
  t.same(withSharedParts(range), {
    ...range,
    properties: { min: { $ref: '#/definitions/part0' }, max: { $ref: '#/definitions/part0' } },
    definitions: { part0: number },
  });
  const plain = { type: 'object', properties: { a: { type: 'string' }, b: { type: 'string' } } };
  t.equal(withSharedParts(plain), plain, 'nothing to share');
  t.end();
});

test('it says the same of every request', (t) => {
  const random = new SeededRandom();
  t.comment(`SEED=${random.seed}`);
  const whole = new Ajv({ strict: true, allowUnionTypes: true });
  const shared = new Ajv({ strict: true, allowUnionTypes: true });
  const validators = new Map(
    Object.entries(COMMANDS).map(([name, { request }]) => [
      name,
      [whole.compile(request), shared.compile(withSharedParts(request))] as const,
    ]),
  );
  let refused = 0;
  for (let i = 0; i < 20_000; i++) {
    const { command, payload } = hostileRequest(random);
    const found = validators.get(command);
    if (found === undefined) continue;
    let value: unknown;
    try {
      value = JSON.parse(payload.toString());
    } catch {
      continue;
    }
    const [one, other] = found;
    const verdicts = [one(value), other(value)];
    if (verdicts[0] === false) refused += 1;
    const places = [one, other].map(({ errors }) =>
      errors?.map(({ instancePath, keyword }) => [instancePath, keyword]),
    );
    if (verdicts[0] !== verdicts[1] || JSON.stringify(places[0]) !== JSON.stringify(places[1]))
      t.fail(`${command} ${payload.toString().slice(0, 200)}: ${JSON.stringify(places)}`);
  }
  t.ok(refused > 1000, `${refused} were refused`);
  t.end();
});
