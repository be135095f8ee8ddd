import type { ConfigHubStats, ImportedFile } from '@orrery/config-hub'
import type { Schema, SchemasOf } from '../../schemas/schema.ts'
import { count, list, object, ref, revision, text } from '../../schemas/schema.ts'
import { fileKeyFields } from './models.ts'

const polledChange: Schema = object(
  {
    type: { type: 'string', enum: ['released', 'removed'] },
    key: object(fileKeyFields),
    info: { ...ref('ConfigReleaseInfo'), description: 'Of what was released; its content is to be read.' },
    version: count('Of what is removed: what was seen last.'),
  },
  {
    $id: 'ConfigPolledChange',
    description: 'What became of a file, for one client.',
    optional: ['info', 'version'],
  },
)

const pollAnswer: Schema = object(
  {
    type: { type: 'string', enum: ['changed', 'unchanged'] },
    revision: revision(
      'Up to which everything is told: what to ask with next as afterRevision, if it is larger than the one before.',
    ),
    changes: list(ref('ConfigPolledChange')),
  },
  { $id: 'ConfigPollAnswer', description: 'What a poll is answered.', optional: ['changes'] },
)

const importedFile: Schema = object(
  {
    ...fileKeyFields,
    outcome: { type: 'string', enum: ['created', 'overwritten', 'skipped', 'failed'] },
    error: text('Why it failed.'),
  } satisfies SchemasOf<ImportedFile>,
  { $id: 'ConfigImportedFile', description: 'What became of a file of an archive.', optional: ['error'] },
)

const stats: Schema = object(
  {
    groups: count('Groups.'),
    files: count('Files.'),
    released: count('Files of which somebody sees something.'),
    watchers: count('Watchers, over any protocol.'),
    polls: count('Long-polls, over any protocol.'),
    delivered: count('Changes given to watchers and polls.'),
    skipped: count('Releases that watchers never got because newer ones came first.'),
    cache: object({
      entries: count('Contents in memory.'),
      bytes: count('All together. Unit: bytes.'),
      hits: count('Reads that were answered from memory.'),
      misses: count('Reads that were not.'),
    } satisfies SchemasOf<ConfigHubStats['cache']>),
    writes: object({
      queued: count('That wait.'),
      done: count('That were done.'),
      conflicts: count('That met another revision than they were decided on.'),
    } satisfies SchemasOf<ConfigHubStats['writes']>),
    revision: revision('Up to which this member has seen everything.'),
  } satisfies SchemasOf<ConfigHubStats>,
  { $id: 'ConfigStats', description: 'What this member holds, and what it counted since it was started.' },
)

/** In the order of their references. */
export const changeSchemas: readonly Schema[] = [polledChange, pollAnswer, importedFile, stats]
