/**
 * Derives `src/generated` from the protocol files: codecs by protobuf.js' static generator, their types, a
 * table of fields for the JSON gateway, and descriptors for reflection. `npm run generate` writes them; a test
 * compares them.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import protobuf from 'protobufjs'
import { describeFiles } from './describe-files.ts'

const { Enum, Field, MapField, Namespace, Root, Type } = protobuf

const packageDirectory = resolve(fileURLToPath(import.meta.url), '../..')
const protoDirectory = join(packageDirectory, 'proto')
const protoFiles = ['rpc.proto', 'v3lock.proto', 'v3election.proto', 'health.proto'].map((name) =>
  join(protoDirectory, name),
)
const note = '// Generated from proto/ by test/generate.ts. Do not edit.\n'

/** The static codecs. */
function codecs(): string {
  const directory = mkdtempSync(join(tmpdir(), 'orrery-generate-'))
  try {
    const output = join(directory, 'messages.js')
    const cli = createRequire(import.meta.url).resolve('protobufjs-cli/bin/pbjs')
    const flags = ['create', 'verify', 'convert', 'delimited', 'typeurl', 'service', 'comments']
    execFileSync(
      process.execPath,
      [
        cli,
        ...['--target', 'static-module', '--wrap', 'esm', '--root', 'orrery'],
        ...flags.map((flag) => `--no-${flag}`),
        ...['--path', protoDirectory, '--out', output, ...protoFiles],
      ],
      { stdio: 'inherit' },
    )
    // The registry of roots is one per process, these messages need no entry in it; and 64-bit integers are
    // numbers or bigints here, never Longs.
    const registered = /\$protobuf\.roots\["orrery"\][^;]*/
    const longZero = /\$util\.Long \? \$util\.Long\.fromBits\(0,0,(?:true|false)\) : 0/g
    return note + readFileSync(output, 'utf8').replace(registered, '{}').replace(longZero, '0')
  } finally {
    rmSync(directory, { recursive: true })
  }
}

function loadRoot(): protobuf.Root {
  const root = new Root()
  root.resolvePath = (_origin, target) => (target.startsWith('/') ? target : join(protoDirectory, target))
  root.loadSync(protoFiles)
  root.resolveAll()
  return root
}

const scalarTypes: Readonly<Record<string, string>> = {
  bool: 'boolean',
  bytes: 'Uint8Array',
  string: 'string',
  uint32: 'number',
  int64: 'number | bigint',
  uint64: 'number | bigint',
}

function typeOf(field: protobuf.Field): string {
  const { resolvedType } = field
  if (resolvedType instanceof Type) return resolvedType.fullName.slice(1)
  if (resolvedType instanceof Enum) return 'number'
  const scalar = scalarTypes[field.type]
  if (scalar === undefined) throw new Error(`no type for ${field.type}`)
  return scalar
}

function declareField(field: protobuf.Field): string {
  const type = typeOf(field)
  if (field instanceof MapField) return `readonly ${field.name}?: Readonly<Record<string, ${type}>>`
  const list = field.repeated ? `readonly ${type.includes('|') ? `(${type})` : type}[]` : type
  return `readonly ${field.name}?: ${list} | null | undefined`
}

function declare(object: protobuf.ReflectionObject, indent: string): string[] {
  if (object instanceof Enum) {
    const members = Object.entries(object.values).map(([name, id]) => `readonly ${name}: ${String(id)}`)
    return [`${indent}const ${object.name}: { ${members.join('; ')} }`]
  }
  if (!(object instanceof Namespace) || object instanceof protobuf.Service) return []
  const lines: string[] = []
  if (object instanceof Type) {
    lines.push(
      `${indent}interface ${object.name} {`,
      ...object.fieldsArray.map((field) => `${indent}  ${declareField(field)}`),
      `${indent}}`,
      `${indent}const ${object.name}: MessageCodec<${object.name}>${enumsOf(object)}`,
    )
    return lines
  }
  const outer = indent === '' ? 'export namespace' : `${indent}namespace`
  const inner = object.nestedArray.flatMap((nested) => declare(nested, `${indent}  `))
  return [`${outer} ${object.name} {`, ...inner, `${indent}}`]
}

/** A message's own enums are properties of its codec. */
function enumsOf(type: protobuf.Type): string {
  const enums = type.nestedArray.filter((nested) => nested instanceof Enum)
  if (enums.length === 0) return ''
  const members = enums.map((nested) => {
    const values = Object.entries(nested.values).map(([name, id]) => `readonly ${name}: ${String(id)}`)
    return `readonly ${nested.name}: { ${values.join('; ')} }`
  })
  return ` & { ${members.join('; ')} }`
}

/** The codecs' types. Messages are loose: an absent field has its default. */
function types(root: protobuf.Root): string {
  const head = [
    "import type { Reader, Writer } from 'protobufjs'",
    '',
    '/** Reads 64-bit integers in its own way. */',
    "export type MessageReader = Omit<Reader, 'int64' | 'uint64'>",
    '/** Writes 64-bit integers in its own way. */',
    "export type MessageWriter = Omit<Writer, 'int64' | 'uint64'>",
    '',
    'export interface MessageCodec<Message> {',
    '  encode(message: Message, writer: MessageWriter): MessageWriter',
    '  decode(reader: MessageReader): Message',
    '}',
    '',
  ]
  const body = root.nestedArray.flatMap((nested) => declare(nested, ''))
  return `${note}${[...head, ...body].join('\n')}\n`
}

interface SchemaField {
  readonly protoName: string
  readonly name: string
  readonly type: string
  readonly repeated?: true
  readonly map?: true
}

/** Fields of every message and names of every enum, by full name: what JSON needs to know. */
function schema(root: protobuf.Root): string {
  const messages: Record<string, SchemaField[]> = {}
  const enums: Record<string, Record<string, number>> = {}
  const visit = (object: protobuf.ReflectionObject): void => {
    if (object instanceof Enum) enums[object.fullName.slice(1)] = object.values
    if (object instanceof Type)
      messages[object.fullName.slice(1)] = object.fieldsArray.map((field) => fieldOf(field))
    if (object instanceof Namespace) object.nestedArray.forEach(visit)
  }
  root.nestedArray.forEach(visit)
  return `${note}export const messages = ${JSON.stringify(messages, undefined, 1)}\n\nexport const enums = ${JSON.stringify(enums, undefined, 1)}\n`
}

function fieldOf(field: protobuf.Field): SchemaField {
  return {
    protoName: protoNames.get(`${field.parent?.fullName ?? ''}.${String(field.id)}`) ?? field.name,
    name: field.name,
    type: field.resolvedType?.fullName.slice(1) ?? field.type,
    ...(field.repeated ? { repeated: true as const } : {}),
    ...(field instanceof MapField ? { map: true as const } : {}),
  }
}

/** Names as written in the protocol files, by message and number: loading turns them into camel case. */
const protoNames = new Map<string, string>()

function readProtoNames(): void {
  const root = new Root()
  for (const file of ['kv.proto', 'auth.proto', ...protoFiles]) {
    const path = file.startsWith('/') ? file : join(protoDirectory, file)
    protobuf.parse(readFileSync(path, 'utf8'), root, { keepCase: true })
  }
  const visit = (object: protobuf.ReflectionObject): void => {
    if (object instanceof Field) {
      protoNames.set(`${object.parent?.fullName ?? ''}.${String(object.id)}`, object.name)
    }
    if (object instanceof Type) object.fieldsArray.forEach(visit)
    if (object instanceof Namespace) object.nestedArray.forEach(visit)
  }
  visit(root)
}

const schemaTypes = `${note}/** A field of a message. */
export interface SchemaField {
  /** As written in the protocol file, and in JSON output. */
  readonly protoName: string
  /** Lower camel case: the property of the message object. */
  readonly name: string
  /** A scalar type, or the full name of a message or enum. */
  readonly type: string
  readonly repeated?: true
  /** A map from string to the type. */
  readonly map?: true
}

/** Fields of every message, by full name, in order of their numbers. */
export const messages: Readonly<Record<string, readonly SchemaField[]>>

/** Values of every enum, by full name. */
export const enums: Readonly<Record<string, Readonly<Record<string, number>>>>
`

/** Descriptors of all protocol files, as text that a string can be made of without escapes. */
function descriptors(): string {
  const files = describeFiles(protoDirectory, ['kv.proto', 'auth.proto', ...protoFiles])
  const lines = files.flatMap(({ name, bytes }) => [
    `  // ${name}`,
    `  '${Buffer.from(bytes).toString('base64')}',`,
  ])
  const head = [
    '/** `google.protobuf.FileDescriptorProto` of each protocol file, in base64: a file after its imports. */',
    'export const fileDescriptors: readonly string[] = [',
  ]
  return `${note}${[...head, ...lines, ']'].join('\n')}\n`
}

/** Every generated file by name. */
export function generate(): Readonly<Record<string, string>> {
  readProtoNames()
  const root = loadRoot()
  return {
    'messages.js': codecs(),
    'messages.d.ts': types(root),
    'schema.js': schema(root),
    'schema.d.ts': schemaTypes,
    'descriptors.ts': descriptors(),
  }
}

/** Where {@link generate}'s files belong. */
export const generatedDirectory = join(packageDirectory, 'src/generated')

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, content] of Object.entries(generate())) {
    writeFileSync(join(generatedDirectory, name), content)
  }
}
