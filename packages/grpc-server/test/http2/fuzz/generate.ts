import type { Random } from '@orrery/environment'
import {
  continuationFrame,
  dataFrame,
  frame,
  goAwayFrame,
  headersFrame,
  pingFrame,
  preface,
  priorityFrame,
  rstStreamFrame,
  setting,
  settingsFrame,
  windowUpdateFrame,
} from '../../support/raw-frames.ts'
import {
  block,
  type Field,
  floodRequest,
  indexed,
  indexedLiteral,
  literal,
  message,
  type RawMethod,
  requestFields,
} from '../../support/raw-headers.ts'

/** One of `choices`. */
export function pick<T>(random: Random, choices: readonly [T, ...T[]]): T {
  return choices[random.below(choices.length)] ?? choices[0]
}

/** Happens with this probability. */
export function chance(random: Random, probability: number): boolean {
  return random.float() < probability
}

/** Bytes without a meaning. */
export function noise(random: Random, bytes: number): Buffer {
  return Buffer.from(Array.from({ length: bytes }, () => random.below(256)))
}

const methods = [
  'Echo',
  'Echo',
  'Never',
  'Sink',
  'Flood',
  'Chat',
  'Hold',
] as const satisfies readonly RawMethod[]

/** @param table whether a request of the session has put an entry into the client's table */
function requestBlock(random: Random, method: RawMethod, table: { isUsed: boolean }): Buffer {
  const extra = Array.from(
    { length: random.below(4) },
    (_, n): Field => [`x-${n}`, 'v'.repeat(random.below(40))],
  )
  const plain = block(requestFields(method))
  const rest = extra.map((field) => (chance(random, 0.3) ? indexedLiteral(field) : literal(field)))
  const fromTable = table.isUsed && chance(random, 0.3) ? [indexed(62)] : []
  table.isUsed ||= rest.some((bytes) => bytes[0] === 0x40)
  return Buffer.concat([plain, ...fromTable, ...rest])
}

function headerFrames(random: Random, streamId: number, bytes: Buffer, endStream: boolean): Buffer[] {
  const padding = chance(random, 0.1) ? { paddingBytes: random.below(256) } : {}
  const priority = chance(random, 0.1) ? { priority: { dependsOn: 0, weight: random.below(256) } } : {}
  if (!chance(random, 0.2)) return [headersFrame(streamId, bytes, { endStream, ...padding, ...priority })]
  const at = random.below(bytes.length)
  return [
    headersFrame(streamId, bytes.subarray(0, at), { endStream, endHeaders: false, ...padding, ...priority }),
    continuationFrame(streamId, bytes.subarray(at)),
  ]
}

function contentOf(random: Random, method: RawMethod): Buffer {
  if (method === 'Flood') return message(floodRequest(random.below(5), random.below(3_000)))
  const isStream = method === 'Sink' || method === 'Chat' || method === 'Hold'
  const count = isStream ? random.below(4) : 1
  return Buffer.concat(Array.from({ length: count }, () => message(noise(random, random.below(300)))))
}

function dataFrames(random: Random, streamId: number, content: Buffer): Buffer[] {
  const frames: Buffer[] = []
  const pieces = 1 + random.below(3)
  const size = Math.ceil(content.length / pieces)
  for (let n = 0; n < pieces; n++) {
    const padding = chance(random, 0.1) ? { paddingBytes: random.below(50) } : {}
    const endStream = n === pieces - 1 && chance(random, 0.95)
    frames.push(dataFrame(streamId, content.subarray(n * size, (n + 1) * size), { endStream, ...padding }))
  }
  return frames
}

function callFrames(random: Random, streamId: number, table: { isUsed: boolean }): Buffer[] {
  const method = pick(random, methods)
  const frames = headerFrames(random, streamId, requestBlock(random, method, table), false)
  frames.push(...dataFrames(random, streamId, contentOf(random, method)))
  if (chance(random, 0.1)) frames.push(rstStreamFrame(streamId))
  return frames
}

function otherFrame(random: Random, streamId: number): Buffer {
  return pick(random, [
    () => pingFrame('fuzz'),
    () => settingsFrame([setting.initialWindowSize, random.below(100_000)]),
    () => settingsFrame([setting.headerTableSize, random.below(4_097)]),
    () => windowUpdateFrame(0, 1 + random.below(100_000)),
    () => windowUpdateFrame(streamId, 1 + random.below(100_000)),
    () => priorityFrame(streamId, { dependsOn: 0, weight: random.below(256) }),
    () =>
      frame({
        type: 10 + random.below(246),
        flags: random.below(256),
        payload: noise(random, random.below(40)),
      }),
    () => headersFrame(streamId, block([['x-trailer', 'y']]), { endStream: true }),
    () => goAwayFrame(),
  ])()
}

/** The frames of a session that a client might have, the first with the preface before it. */
export function generateSession(random: Random): Buffer[] {
  const frames: Buffer[] = []
  const calls = 1 + random.below(6)
  const table = { isUsed: false }
  for (let n = 0; n < calls; n++) {
    frames.push(...callFrames(random, n * 2 + 1, table))
    if (chance(random, 0.3)) frames.push(otherFrame(random, n * 2 + 1))
  }
  const opening = settingsFrame(
    ...(chance(random, 0.2) ? [[setting.initialWindowSize, random.below(2_000)] as const] : []),
  )
  return [Buffer.concat([preface, opening]), ...frames]
}
