import type { Random } from '@orrery/environment'
import { chance, pick } from './choose.ts'
import { randomRange } from './keys.ts'
import type { Knowledge, Step } from './step.ts'
import { bytes, type Fields, type FieldValue, relative } from './wire.ts'

type WatchStep = Extract<Step, { readonly type: 'watch' }>

/** A message on the watch stream. Cancels and progress requests come when nothing else is on its way. */
export function generateWatch(random: Random, knowledge: Knowledge): WatchStep {
  const kind = random.below(100)
  if (kind < 75) return create(random, knowledge)
  if (kind < 85 && knowledge.watchers.length > 0) {
    const { id } = pick(random, knowledge.watchers)
    return watchStep(['Watch cancel'], { cancel_request: { watch_id: id } })
  }
  if (kind < 88) return watchStep(['Watch cancel unknown'], { cancel_request: { watch_id: 404_404 } })
  const waits = knowledge.watchers.some(({ startRevision }) => startRevision > knowledge.revision + 1)
  if (kind < 97 && !waits) return watchStep(['Watch progress'], { progress_request: {} })
  return watchStep(['Watch empty request'], {})
}

function watchStep(labels: readonly string[], request: Fields): WatchStep {
  return { type: 'watch', labels, request }
}

function create(random: Random, knowledge: Knowledge): WatchStep {
  const { range, shape } = randomRange(random)
  const { revision, kind } = startRevision(random, knowledge)
  const fields: Record<string, FieldValue> = { ...range, start_revision: revision }
  const labels = [`Watch shape ${shape}`, `Watch start ${kind}`]
  if (chance(random, 30)) {
    fields['prev_kv'] = true
    labels.push('Watch prev_kv')
  }
  if (chance(random, 20)) {
    const filters = pick(random, [[0], [1], [1], [0, 1], [1, 1], [7]] as const)
    fields['filters'] = [...filters]
    // It sees nothing, so nothing tells when it has caught up with the past; until then compaction ends it.
    if (filters.join() === '0,1') fields['start_revision'] = 0
    labels.push(`Watch filters ${filters.join('+')}`)
  }
  if (chance(random, 20) && kind !== 'around compaction') {
    // Few ids: duplicates happen. etcd does not free the id of a watcher that compaction has ended.
    fields['watch_id'] = 1_000 + random.below(20)
    labels.push('Watch id chosen')
  }
  if (chance(random, 20)) fields['fragment'] = true
  if (chance(random, 20)) fields['progress_notify'] = true
  if (chance(random, 2)) {
    fields['key'] = bytes('')
    labels.push('Watch without key')
  }
  return watchStep(labels, { create_request: fields })
}

function startRevision(
  random: Random,
  { revision, compacted }: Knowledge,
): { readonly revision: FieldValue; readonly kind: string } {
  const draw = random.below(100)
  if (draw < 30) return { revision: 0, kind: 'now' }
  if (draw < 75)
    return { revision: relative(compacted + random.below(revision - compacted + 1)), kind: 'past' }
  if (draw < 85) return { revision: relative(compacted - random.below(2)), kind: 'around compaction' }
  if (draw < 92) return { revision: relative(revision + 1), kind: 'next' }
  // Negative ones are left out: see the known differences.
  return { revision: relative(revision + 2 + random.below(40)), kind: 'future' }
}
