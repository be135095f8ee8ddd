import type {
  AuditEntry,
  ConfigFile,
  Draft,
  FileKey,
  GrayRule,
  Group,
  LabelMatcher,
  Release,
  ReleaseInfo,
  Template,
} from '@orrery/config-hub'
import { auditActions, contentFormats } from '@orrery/config-hub'
import type { Schema, SchemasOf } from '../../schemas/schema.ts'
import { count, flag, list, metadata, object, ref, revision, text, texts } from '../../schemas/schema.ts'

// What the API answers with. The names begin with `Config`, because a host's schemas share one space of names with those
// of its plugins.

const changed = revision('Of its last change: what ifRevision and If-Match are compared with.')
const time = (description: string): Schema => ({
  type: 'number',
  description: `${description} Unit: ms since 1970.`,
})
const times = { createdAtMs: time('When it was created.'), changedAtMs: time('When it last changed.') }
const md5 = text('32 hexadecimal digits.')

/** What contents can be. */
export const format: Schema = { type: 'string', enum: [...contentFormats] }

/** A `FileKey`, field by field. */
export const fileKeyFields = {
  namespace: text('The namespace.'),
  group: text('The group.'),
  file: text('The file.'),
} satisfies SchemasOf<FileKey>

/** A `Group`. */
const group: Schema = object(
  {
    namespace: fileKeyFields.namespace,
    group: fileKeyFields.group,
    comment: text('For people.'),
    business: text('For people.'),
    department: text('For people.'),
    metadata,
    ...times,
    revision: changed,
  } satisfies SchemasOf<Group>,
  { $id: 'ConfigGroup', description: 'Files that belong together.' },
)

type AnyMatcher = LabelMatcher extends infer One ? (One extends unknown ? keyof One : never) : never

const matcher: Schema = object(
  {
    label: text('The label.'),
    type: { type: 'string', enum: ['exact', 'notEquals', 'in', 'notIn', 'regex', 'range'] },
    value: text('With exact, notEquals and regex: RE2, of the whole value.'),
    values: texts('With in and notIn.'),
    from: { type: 'number', description: 'With range: from here, included.' },
    to: { type: 'number', description: 'With range: to here, included.' },
  } satisfies Readonly<Record<AnyMatcher, Schema>>,
  {
    $id: 'ConfigLabelMatcher',
    description: 'How a label is compared. A client without the label never matches.',
    optional: ['value', 'values', 'from', 'to'],
  },
)

const grayRule: Schema = object(
  {
    labels: list(ref('ConfigLabelMatcher'), 'All of them match.'),
    addresses: texts('The address is one of these, or in one of these networks: 10.1.0.0/16.'),
    percent: {
      type: 'number',
      minimum: 0,
      maximum: 100,
      description: 'So many of a hundred clients, by their ids or addresses, in steps of 0.01.',
    },
  } satisfies SchemasOf<GrayRule>,
  {
    $id: 'ConfigGrayRule',
    description: 'Who sees a gray release: whoever matches everything that is given. Something is given.',
    optional: 'all',
  },
)

const releaseFields = {
  version: count('From 1 on.'),
  name: text('What people call it.'),
  md5: { ...md5, description: 'Of the content as it stands in the store. 32 hexadecimal digits.' },
  sizeBytes: count('Of the content as UTF-8. Unit: bytes.'),
  format,
  tags: metadata,
  comment: text('For people.'),
  encrypted: flag('The content stands encrypted.'),
  origin: { type: 'string', enum: ['publish', 'gray', 'promote', 'rollback', 'restate'] },
  from: count('The version whose content this is, where it is an older one.'),
  releasedAtMs: time('When it was released.'),
  actor: text('Who released it. Empty: not known.'),
  reason: text('Why.'),
} satisfies SchemasOf<ReleaseInfo>

const releaseInfo: Schema = object(releaseFields, {
  $id: 'ConfigReleaseInfo',
  description: 'A release, without its content.',
  optional: ['from'],
})

const grayReleaseInfo: Schema = object(
  { ...releaseFields, rule: ref('ConfigGrayRule') },
  { $id: 'ConfigGrayReleaseInfo', description: 'A release that not everybody sees.', optional: ['from'] },
)

const sealed: Schema = object(
  {
    content: text('Base64: 12 bytes of nonce, the cipher text of AES-256-GCM, 16 bytes of tag.'),
    dataKey: text(
      'Base64: the data key, encrypted by RSA-OAEP with SHA-256 for the public key that was given.',
    ),
  },
  { $id: 'ConfigSealedContent', description: 'A content as it stands in the store.', optional: ['dataKey'] },
)

const releasedVersion: Schema = object(
  { ...fileKeyFields, ...releaseFields },
  {
    $id: 'ConfigReleasedVersion',
    description: 'A release of a file, without its content.',
    optional: ['from'],
  },
)

const readRelease: Schema = object(
  {
    ...fileKeyFields,
    ...releaseFields,
    content: text('Its content.'),
    sealed: ref('ConfigSealedContent'),
  } satisfies SchemasOf<Release & { readonly sealed?: unknown }>,
  {
    $id: 'ConfigReadRelease',
    description: 'A release with its content, which is plain or sealed.',
    optional: ['from', 'content', 'sealed'],
  },
)

const file: Schema = object(
  {
    ...fileKeyFields,
    format,
    comment: text('For people.'),
    tags: metadata,
    encrypted: flag('Contents stand in the store encrypted from now on.'),
    hasDraft: flag('There is a draft that has not been released.'),
    latestVersion: count('The highest version that was ever given for this name. 0: none.'),
    release: { ...ref('ConfigReleaseInfo'), description: 'What everybody sees whom no gray release is for.' },
    gray: { ...ref('ConfigGrayReleaseInfo'), description: 'What those see who match its rule.' },
    ...times,
    revision: changed,
  } satisfies SchemasOf<ConfigFile>,
  { $id: 'ConfigFile', description: 'A file, without contents.', optional: ['release', 'gray'] },
)

const draft: Schema = object(
  {
    ...fileKeyFields,
    content: text('The content.'),
    md5: { ...md5, description: 'Of the content as UTF-8. 32 hexadecimal digits.' },
    releasedAs: count('The version that it equals. Absent: it has not been released.'),
    encrypted: flag('It stands in the store encrypted.'),
  } satisfies SchemasOf<Draft>,
  {
    $id: 'ConfigDraft',
    description: 'What is edited: the draft, or what was released last.',
    optional: ['releasedAs'],
  },
)

const template: Schema = object(
  {
    name: text('Its name.'),
    content: text('The content.'),
    format,
    comment: text('For people.'),
    ...times,
    revision: changed,
  } satisfies SchemasOf<Template>,
  { $id: 'ConfigTemplate', description: 'A content to begin with.' },
)

const auditEntry: Schema = object(
  {
    id: text('Its place in the trail: they sort as texts.'),
    atMs: time('When.'),
    action: { type: 'string', enum: [...auditActions] },
    actor: text('Who did it. Empty: not said.'),
    reason: text('Why.'),
    namespace: text('Empty for templates.'),
    group: text('Empty for templates.'),
    file: text('Empty where a group is meant; the name of a template.'),
    version: count('The release that it made, or that it was about.'),
    beforeRevision: revision('Of its subject before. 0: there was none.'),
    revision: revision('Of the store, at which it was done.'),
  } satisfies SchemasOf<AuditEntry>,
  { $id: 'ConfigAuditEntry', description: 'One write.', optional: ['version'] },
)

/** In the order of their references. */
export const modelSchemas: readonly Schema[] = [
  group,
  matcher,
  grayRule,
  releaseInfo,
  grayReleaseInfo,
  sealed,
  releasedVersion,
  readRelease,
  file,
  draft,
  template,
  auditEntry,
]
