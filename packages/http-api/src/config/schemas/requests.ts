import type {
  ConfigClient,
  FileSpec,
  Fingerprint,
  GroupSpec,
  PublishSpec,
  TemplateSpec,
  WatchQuery,
  WatchTarget,
} from '@orrery/config-hub'
import { configLimits } from '@orrery/config-hub'
import type { Schema, SchemasOf } from '../../schemas/schema.ts'
import { flag, list, metadata, object, ref, revision, text } from '../../schemas/schema.ts'
import { fileKeyFields, format } from './models.ts'

/** Why somebody writes. */
export interface WithReason {
  readonly reason?: string
}

const reason = text('Why, for the audit trail. As the header X-Reason.')

const onlyReason: Schema = object({ reason }, { $id: 'ConfigReason', description: 'Why.', optional: 'all' })

const groupSpec: Schema = object(
  {
    comment: text('For people.'),
    business: text('For people.'),
    department: text('For people.'),
    metadata,
    reason,
  } satisfies SchemasOf<GroupSpec & WithReason>,
  { $id: 'ConfigGroupSpec', description: 'A group, or what changes of it.', optional: 'all' },
)

const fileSpecFields = {
  content: text('The content.'),
  format: { ...format, description: 'Default: by the ending of its name, or text.' },
  comment: text('For people.'),
  tags: metadata,
  encrypted: flag(
    'Contents stand in the store encrypted from now on. To end that, one has to be allowed to read them.',
  ),
} satisfies SchemasOf<FileSpec>

const fileSpec: Schema = object(
  { ...fileSpecFields, reason },
  {
    $id: 'ConfigFileSpec',
    description: 'A file and its draft. What is absent stays as it is.',
    optional: 'all',
  },
)

const publishSpecFields = {
  ...fileSpecFields,
  content: text('What is released. Absent: the draft.'),
  name: text('What people call the release. Default: v and the version.'),
  releaseComment: text('Of the release. Default: the reason.'),
} satisfies SchemasOf<PublishSpec>

const publishSpec: Schema = object(
  { ...publishSpecFields, reason },
  {
    $id: 'ConfigPublishSpec',
    description: 'What is released. What is absent stays as it is.',
    optional: 'all',
  },
)

const grayPublishSpec: Schema = object(
  { ...publishSpecFields, rule: ref('ConfigGrayRule'), reason },
  {
    $id: 'ConfigGrayPublishSpec',
    description: 'What is released, and for whom. What is absent stays as it is.',
    optional: [...Object.keys(publishSpecFields), 'reason'],
  },
)

const grayRuleChange: Schema = object(
  { rule: ref('ConfigGrayRule'), reason },
  { $id: 'ConfigGrayRuleChange', description: 'Who sees it from now on.', optional: ['reason'] },
)

const templateSpec: Schema = object(
  {
    content: text('The content.'),
    format: { ...format, description: 'Default: text.' },
    comment: text('For people.'),
    reason,
  } satisfies SchemasOf<TemplateSpec & WithReason>,
  { $id: 'ConfigTemplateSpec', description: 'A template.', optional: ['format', 'comment', 'reason'] },
)

const client: Schema = object(
  {
    id: text('Its id. Default: the header X-Client-Id.'),
    address: text('Its address. Default: the header X-Client-Address, or where the request comes from.'),
    labels: { ...metadata, description: 'Its labels. Default: the header X-Client-Labels.' },
  } satisfies SchemasOf<ConfigClient>,
  { $id: 'ConfigClient', description: 'Who watches, for gray releases.', optional: 'all' },
)

const target: Schema = object(
  {
    ...fileKeyFields,
    file: text('The file. Without it, and without prefix: the whole group.'),
    prefix: text('Files whose names begin so.'),
  } satisfies SchemasOf<WatchTarget>,
  { $id: 'ConfigWatchTarget', description: 'What is watched.', optional: ['file', 'prefix'] },
)

const fingerprint: Schema = object(
  {
    ...fileKeyFields,
    version: { type: 'integer', minimum: 0, description: '0 or absent: none, or it is not known.' },
    md5: text('Of the release that the caller has. Empty: it has no content.'),
  } satisfies SchemasOf<Fingerprint>,
  { $id: 'ConfigFingerprint', description: 'What somebody has of a file.', optional: ['version', 'md5'] },
)

const watchQueryFields = {
  targets: { ...list(ref('ConfigWatchTarget')), minItems: 1, maxItems: configLimits.targetsMaxItems },
  client: ref('ConfigClient'),
  known: {
    ...list(ref('ConfigFingerprint'), 'What the caller has: only what differs is told.'),
    maxItems: configLimits.knownMaxItems,
  },
  afterRevision: revision('The caller has seen everything up to there: nothing older is told.'),
} satisfies SchemasOf<WatchQuery>

const watchQuery: Schema = object(watchQueryFields, {
  $id: 'ConfigWatchQuery',
  description: 'What is watched, by whom.',
  optional: ['client', 'known', 'afterRevision'],
})

const pollQuery: Schema = object(
  {
    ...watchQueryFields,
    timeoutMs: {
      type: 'integer',
      minimum: 0,
      maximum: configLimits.pollMaxMs,
      description: `How long to wait. Unit: ms. Default: ${configLimits.pollDefaultMs}.`,
    },
  },
  {
    $id: 'ConfigPollQuery',
    description: 'What is polled for, by whom.',
    optional: ['client', 'known', 'afterRevision', 'timeoutMs'],
  },
)

/** In the order of their references. */
export const requestSchemas: readonly Schema[] = [
  onlyReason,
  groupSpec,
  fileSpec,
  publishSpec,
  grayPublishSpec,
  grayRuleChange,
  templateSpec,
  client,
  target,
  fingerprint,
  watchQuery,
  pollQuery,
]
