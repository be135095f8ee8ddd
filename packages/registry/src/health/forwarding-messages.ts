import { arrayOf, flagOf, integerOf, objectOf, refuse, textOf } from '../fields.ts'
import type { HeartbeatBatch, HeartbeatReply } from '../ports.ts'

/** What a batch may hold. Lengths are in UTF-16 code units. */
export const heartbeatBatchLimits = {
  /** `from` and `life`, each; at least 1. */
  nameMaxChars: 128,
  beatsMax: 10_000,
  /** Each beat; at least 1. */
  beatMaxChars: 2_048,
} as const

const count = { min: 0, max: Number.MAX_SAFE_INTEGER } as const

/**
 * Reads a batch that came from another member, of which nothing is believed. Fields that are not known are left out.
 *
 * @throws RegistryError `REGISTRY_INVALID`
 */
export function parseHeartbeatBatch(value: unknown): HeartbeatBatch {
  const batch = objectOf(value, 'batch')
  const { nameMaxChars, beatsMax, beatMaxChars } = heartbeatBatchLimits
  const beats = arrayOf(batch['beats'], 'beats')
  if (beats.length > beatsMax) refuse('beats', `must have at most ${beatsMax} items, got ${beats.length}`)
  return {
    from: nameOf(batch['from'], 'from', nameMaxChars),
    life: nameOf(batch['life'], 'life', nameMaxChars),
    sequence: integerOf(batch['sequence'], 'sequence', { ...count, min: 1 }),
    ringRevision: integerOf(batch['ringRevision'], 'ringRevision', count),
    // By `from`, which does not skip holes as `map` does.
    beats: Array.from(beats, (beat) => nameOf(beat, 'beats', beatMaxChars)),
    isLast: flagOf(batch['isLast'], 'isLast'),
  }
}

/**
 * Reads the reply to a batch of so many beats.
 *
 * @throws RegistryError `REGISTRY_INVALID`
 */
export function parseHeartbeatReply(
  value: unknown,
  beats: number = heartbeatBatchLimits.beatsMax,
): HeartbeatReply {
  const reply = objectOf(value, 'reply')
  const refused = arrayOf(reply['refused'], 'refused')
  if (refused.length > beats) refuse('refused', `must have at most ${beats} items, got ${refused.length}`)
  return {
    ringRevision: integerOf(reply['ringRevision'], 'ringRevision', count),
    refused: Array.from(refused, (position) => integerOf(position, 'refused', { min: 0, max: beats - 1 })),
  }
}

function nameOf(value: unknown, field: string, maxChars: number): string {
  const name = textOf(value, field, maxChars)
  if (name.length === 0) refuse(field, 'must not be empty')
  return name
}
