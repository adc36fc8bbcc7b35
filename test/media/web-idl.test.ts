/** Every interface of ours against the current IDL of its specification: what a script can see of its shape. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import type {
  AttributeMemberType,
  ConstructorMemberType,
  FieldType,
  IDLInterfaceMemberType,
  IDLRootType,
  IDLTypeDescription,
  OperationMemberType,
  ValueDescription,
} from 'webidl2';
import { DeviceChangeEvent, DeviceChangeEventInitType } from '../../daemon/media/device-change-event.ts';
import { ErrorEvent } from '../../daemon/media/error-event.ts';
import { ImageCapture } from '../../daemon/media/image-capture.ts';
import { InputDeviceInfo, MediaDeviceInfo } from '../../daemon/media/media-device-info.ts';
import { MediaDevices } from '../../daemon/media/media-devices.ts';
import { MediaStream, MediaStreamTrackEvent } from '../../daemon/media/media-stream.ts';
import { MediaStreamConstraintsType } from '../../daemon/media/media-stream-constraints.ts';
import { MediaStreamTrack } from '../../daemon/media/media-stream-track.ts';
import { OverconstrainedError } from '../../daemon/media/overconstrained-error.ts';
import { PermissionStatus, Permissions } from '../../daemon/media/permissions.ts';
import { MediaTrackConstraintsType } from '../../daemon/media/track-constraints.ts';
import { MediaStreamTrackAudioStats, MediaStreamTrackVideoStats } from '../../daemon/media/track-stats.ts';
import { BlobEvent } from '../../daemon/record/blob-event.ts';
import { MediaRecorder } from '../../daemon/record/media-recorder.ts';
import { MediaRecorderOptionsType } from '../../daemon/record/media-recorder-options.ts';
import { projectRoot } from '../support/project-root.ts';

interface Interface {
  readonly name: string;
  readonly length: number;
  readonly prototype: object;
}

const INTERFACES: Record<string, Interface> = {
  BlobEvent,
  DeviceChangeEvent,
  ErrorEvent,
  ImageCapture,
  InputDeviceInfo,
  MediaDeviceInfo,
  MediaDevices,
  MediaRecorder,
  MediaStream,
  MediaStreamTrack,
  MediaStreamTrackAudioStats,
  MediaStreamTrackEvent,
  MediaStreamTrackVideoStats,
  OverconstrainedError,
  PermissionStatus,
  Permissions,
};

/** The specifications that these interfaces come from; what only others add (codecs, screen capture) is not ours. */
const SPECIFICATIONS = [
  'hr-time',
  'html',
  'image-capture',
  'mediacapture-extensions',
  'mediacapture-streams',
  'mediastream-recording',
  'mst-content-hint',
  'permissions',
];

/** Members that the table in docs/specifications.md tells the reasons of. */
const LEFT_OUT = new Set([
  ...[
    'backgroundSegmentationMask',
    'eyeGazeCorrection',
    'faceFraming',
    'gestureReactions',
    'humanFaceDetectionMode',
    'voiceIsolation',
  ].map((name) => `MediaTrackConstraintSet.${name}`),
]);

/** Dictionaries that scripts pass, by the converters that read them. */
const DICTIONARIES = [
  DeviceChangeEventInitType,
  MediaRecorderOptionsType,
  MediaStreamConstraintsType,
  MediaTrackConstraintsType,
  MediaTrackConstraintsType.parent,
].filter((type) => type !== undefined);

interface Description {
  parent: string | null;
  members: (IDLInterfaceMemberType | FieldType)[];
}

/** Interfaces and dictionaries with their partials, by name; the types behind typedefs. */
async function readIdl(): Promise<{ described: Map<string, Description>; typedefs: Map<string, IDLTypeDescription> }> {
  const { parseAll } = createRequire(import.meta.url)('@webref/idl') as {
    parseAll: () => Promise<Record<string, IDLRootType[]>>;
  };
  const described = new Map<string, Description>();
  const typedefs = new Map<string, IDLTypeDescription>();
  const all = await parseAll();
  for (const definition of SPECIFICATIONS.flatMap((name) => all[name] ?? [])) {
    if (definition.type === 'typedef') typedefs.set(definition.name, definition.idlType);
    if (definition.type !== 'interface' && definition.type !== 'dictionary') continue;
    let found = described.get(definition.name);
    if (found === undefined) described.set(definition.name, (found = { parent: null, members: [] }));
    if (!definition.partial) found.parent = definition.inheritance;
    found.members.push(...definition.members);
  }
  return { described, typedefs };
}

const requiredCount = ({ arguments: all }: ConstructorMemberType | OperationMemberType): number =>
  all.filter(({ optional, variadic }) => !optional && !variadic).length;

/** What is no object of the class, though some inherit from its prototype. */
const impostors = (Class: Interface): unknown[] => [
  undefined,
  null,
  1,
  {},
  new EventTarget(),
  Class.prototype,
  Object.create(Class.prototype),
];

function checkInterface(t: Test, Class: Interface, { parent, members }: Description): void {
  const { name } = Class;
  const constructors = members.filter((member) => member.type === 'constructor') as ConstructorMemberType[];
  const prototype = Class.prototype;
  t.equal(Class.length, Math.min(...constructors.map(requiredCount), ...(constructors.length === 0 ? [0] : [])));
  t.throws(() => (Class as unknown as () => void)(), TypeError, 'called without new');
  const make = Class as unknown as new (...args: unknown[]) => object;
  if (constructors.length === 0) t.throws(() => new make(), { name: 'TypeError', message: 'Illegal constructor' });
  else if (Class.length > 0) t.throws(() => new make(...Array(Class.length - 1)), TypeError, 'too few arguments');
  const parentClass =
    parent === null ? undefined : (INTERFACES[parent] ?? (globalThis as Record<string, unknown>)[parent]);
  t.equal(Object.getPrototypeOf(Class), parentClass ?? Function.prototype, `inherits from ${parent}`);
  t.equal(Object.getPrototypeOf(prototype), (parentClass as Interface | undefined)?.prototype ?? Object.prototype);
  t.match(Object.getOwnPropertyDescriptor(Class, 'prototype'), {
    writable: false,
    enumerable: false,
    configurable: false,
  });
  t.same(Object.getOwnPropertyDescriptor(prototype, 'constructor'), {
    value: Class,
    writable: true,
    enumerable: false,
    configurable: true,
  });
  t.same(Object.getOwnPropertyDescriptor(prototype, Symbol.toStringTag), {
    value: name,
    writable: false,
    enumerable: false,
    configurable: true,
  });
}

function checkAttribute(t: Test, Class: Interface, { name, readonly }: AttributeMemberType): void {
  const descriptor = Object.getOwnPropertyDescriptor(Class.prototype, name);
  t.match(descriptor, { enumerable: true, configurable: true });
  t.same([descriptor?.get?.name, descriptor?.get?.length], [`get ${name}`, 0]);
  for (const impostor of impostors(Class)) t.throws(() => descriptor?.get?.call(impostor), TypeError);
  if (readonly) {
    t.equal(descriptor?.set, undefined, 'read-only');
    return;
  }
  t.same([descriptor?.set?.name, descriptor?.set?.length], [`set ${name}`, 1]);
  for (const impostor of impostors(Class)) t.throws(() => descriptor?.set?.call(impostor, null), TypeError);
}

async function checkOperation(t: Test, Class: Interface, overloads: OperationMemberType[]): Promise<void> {
  const [{ name, special, idlType }] = overloads as [OperationMemberType & { name: string }];
  const holder: unknown = special === 'static' ? Class : Class.prototype;
  const descriptor = Object.getOwnPropertyDescriptor(holder, name) as TypedPropertyDescriptor<
    (...args: unknown[]) => unknown
  >;
  t.match(descriptor, { enumerable: true, configurable: true, writable: true });
  const operation = descriptor.value as (...args: unknown[]) => unknown;
  const length = Math.min(...overloads.map(requiredCount));
  t.same([operation.name, operation.length], [name, length]);
  const fails = async (self: unknown, args: unknown[], message: string): Promise<void> => {
    const call = (): unknown => operation.apply(self, args);
    if (idlType?.generic === 'Promise') await t.rejects(call() as Promise<unknown>, TypeError, message);
    else t.throws(call, TypeError, message);
  };
  if (special === 'static') {
    if (length > 0) await fails(Class, Array(length - 1), 'too few arguments');
    return;
  }
  for (const impostor of impostors(Class)) await fails(impostor, [], 'an impostor');
}

test('interfaces', async (t) => {
  const { described: idl } = await readIdl();
  for (const [name, Class] of Object.entries(INTERFACES)) {
    await t.test(name, async (t) => {
      t.equal(Class.name, name);
      const description = idl.get(name);
      if (description === undefined) throw new Error(`no IDL of ${name}`);
      checkInterface(t, Class, description);
      const operations = new Map<string, OperationMemberType[]>();
      const expected = new Set<string>(['constructor']);
      const ours = (member: string): boolean => !LEFT_OUT.has(`${name}.${member}`);
      for (const member of description.members) {
        if (member.type === 'attribute' && ours(member.name)) {
          expected.add(member.name);
          await t.test(member.name, async (t) => checkAttribute(t, Class, member));
        } else if (member.type === 'operation' && member.name && ours(member.name)) {
          operations.set(member.name, [...(operations.get(member.name) ?? []), member]);
          if (member.special !== 'static') expected.add(member.name);
        }
      }
      for (const [operation, overloads] of operations)
        await t.test(`${operation}()`, async (t) => checkOperation(t, Class, overloads));
      t.same(new Set(Object.getOwnPropertyNames(Class.prototype)), expected, 'nothing more, nothing less');
    });
  }
});

test('dictionaries', async (t) => {
  const { described, typedefs } = await readIdl();
  const words = (type: IDLTypeDescription): string => {
    if (type.union) return `(${(type.idlType as IDLTypeDescription[]).map(words).join(' or ')})`;
    if (type.generic) return `${type.generic}<${(type.idlType as IDLTypeDescription[]).map(words).join(', ')}>`;
    const typedef = typedefs.get(type.idlType as string);
    return typedef === undefined ? (type.idlType as string) : words(typedef);
  };
  // A union of unions is one.
  const flat = (text: string): string => text.replace(/ or \(([^()]*)\)/g, ' or $1');
  for (const type of DICTIONARIES) {
    const { parent, members } = described.get(type.name) as Description;
    t.equal(type.parent?.name ?? null, parent, `${type.name} inherits`);
    const theirs = (members as FieldType[])
      .filter(({ name }) => !LEFT_OUT.has(`${type.name}.${name}`))
      .map((field) => [
        field.name,
        flat(words(field.idlType)),
        field.required,
        field.default === null ? undefined : defaultOf(field.default),
      ]);
    const ours = [...type.members].map(([name, member]) => [
      name,
      flat(member.type.name),
      member.required ?? false,
      member.fallback,
    ]);
    t.same(
      new Map(ours.map((entry) => [entry[0], entry])),
      new Map(theirs.map((entry) => [entry[0], entry])),
      type.name,
    );
  }
});

const defaultOf = (value: ValueDescription): unknown =>
  value.type === 'sequence'
    ? []
    : value.type === 'null'
      ? null
      : 'value' in value
        ? (value as { value: unknown }).value
        : undefined;

test('every member is in the table of docs/specifications.md', async (t) => {
  const table = readFileSync(join(projectRoot(), 'docs/specifications.md'), 'utf8');
  const { described } = await readIdl();
  for (const name of Object.keys(INTERFACES)) {
    t.ok(table.includes(name), name);
    for (const member of described.get(name)?.members ?? []) {
      const named = 'name' in member ? member.name : undefined;
      // Handlers by their events, where these are told of.
      const words = [named, named?.replace(/^on/, '')].map((word) => new RegExp(`\`${word}[\`(]`));
      if (named)
        t.ok(
          words.some((word) => word.test(table)),
          `${name}.${named}`,
        );
    }
  }
});
