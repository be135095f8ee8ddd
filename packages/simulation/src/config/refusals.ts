import type { ConfigHistory, FileMoment } from './config-history.ts'
import type { AskedWrite } from './config-ledger.ts'

/** A refusal, and since when it has to be justified. */
export interface Refusal {
  readonly asked: AskedWrite
  readonly code: string
  /** The newest revision of the subject that was acknowledged before it was asked. */
  readonly from: number
}

/** Whether there was any time, since what was acknowledged before, at which it had to be refused so. */
export function isRefusedRightly(history: ConfigHistory, refusal: Refusal): boolean {
  const { asked, from, code } = refusal
  const { subject } = asked
  if (subject.endsWith('/')) return isGroupRefusedRightly(history, refusal)
  return history.between(subject, from, Infinity).some((moment) => refuses(code, moment, asked))
}

function refuses(
  code: string,
  { file, changedRevision }: FileMoment,
  { action, from, ifRevision }: AskedWrite,
): boolean {
  switch (code) {
    case 'CONFIG_FILE_NOT_FOUND':
      return file === undefined
    case 'CONFIG_NO_DRAFT':
      return file?.hasDraft === false
    case 'CONFIG_GRAY_ACTIVE':
      return file?.gray !== undefined
    case 'CONFIG_GRAY_NOT_FOUND':
      return file?.gray === undefined
    case 'CONFIG_RELEASE_NOT_FOUND':
      // Of old versions it is not remembered when they went.
      return action === 'rolledBack' ? from !== undefined : file !== undefined && file.release === undefined
    case 'CONFIG_CONFLICT':
      return ifRevision !== undefined && ifRevision !== (file === undefined ? 0 : changedRevision)
    case 'CONFIG_OVERLOADED':
      return true
    default:
      return false
  }
}

function isGroupRefusedRightly(history: ConfigHistory, { asked, code }: Refusal): boolean {
  const group = asked.subject.slice(0, -1)
  // Files write their groups, too: what was acknowledged of those is not counted as its own.
  const revisions = history.groupBetween(group, 1, Infinity)
  switch (code) {
    case 'CONFIG_GROUP_EXISTS':
      return revisions.some((revision) => revision > 0)
    case 'CONFIG_GROUP_NOT_FOUND':
      return revisions.includes(0)
    case 'CONFIG_GROUP_IN_USE':
      return history.paths.some((path) => path.startsWith(asked.subject))
    case 'CONFIG_CONFLICT':
      return asked.ifRevision !== undefined && revisions.some((revision) => revision !== asked.ifRevision)
    default:
      return code === 'CONFIG_OVERLOADED'
  }
}
