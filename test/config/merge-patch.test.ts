import { test } from 'tap';
import { mergePatch } from '../../config/merge-patch.ts';

test('the examples of RFC 7396, appendix A', (t) => {
  const table: [target: unknown, patch: unknown, result: unknown][] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];
  for (const [target, patch, result] of table) {
    const before = JSON.stringify(target);
    t.strictSame(mergePatch(target, patch), result, JSON.stringify(patch));
    t.equal(JSON.stringify(target), before, 'the target is as it was');
  }
  t.end();
});

test('no member reaches a prototype', (t) => {
  const result = mergePatch(
    {},
    JSON.parse('{"__proto__": {"x": 1}, "constructor": {"prototype": {"x": 1}}}'),
  ) as object;
  t.equal(Object.getPrototypeOf(result), Object.prototype);
  t.equal(({} as { x?: number }).x, undefined);
  t.strictSame(Object.keys(result), ['__proto__', 'constructor']);
  t.end();
});
