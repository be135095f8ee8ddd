import type { AutoCompactionMode } from '@orrery/store'
import { parseDuration } from './duration.ts'

/** How much of the history is kept, by what. */
export const compactionModes = ['periodic', 'revision'] as const

const hourMs = 3_600_000

/**
 * What the two options about the history say together. Source: etcd, `--auto-compaction-retention`, where a number
 * alone counts hours, or revisions, and 0 means never.
 *
 * @returns undefined: `retention` means nothing in this mode
 */
export function parseAutoCompaction(
  mode: (typeof compactionModes)[number],
  retention: string,
): AutoCompactionMode | 'off' | undefined {
  const isNumber = /^\d{1,15}$/.test(retention)
  if (mode === 'revision') {
    if (!isNumber) return undefined
    const retainedRevisions = Number(retention)
    return retainedRevisions === 0 ? 'off' : { type: 'revision', retainedRevisions }
  }
  const retentionMs = isNumber ? Number(retention) * hourMs : parseDuration(retention)
  if (retentionMs === undefined || !Number.isSafeInteger(retentionMs)) return undefined
  return retentionMs === 0 ? 'off' : { type: 'periodic', retentionMs }
}
