import type { Random } from '@orrery/environment'
import { chance, generateSession, noise, pick } from './generate.ts'

type Mutation = (frames: Buffer[], random: Random) => void

/** The index of a frame; seldom that of the opening, without which little happens. */
function anyFrame(frames: readonly Buffer[], random: Random): number {
  return frames.length === 1 || chance(random, 0.03) ? 0 : 1 + random.below(frames.length - 1)
}

function change(frames: Buffer[], random: Random, how: (frame: Buffer) => Buffer): void {
  const at = anyFrame(frames, random)
  frames[at] = how(Buffer.from(frames[at] ?? []))
}

function writeByte(frame: Buffer, at: number, value: number): Buffer {
  if (at < frame.length) frame[at] = value
  return frame
}

/** Changes in which frames come. */
const frameMutations: readonly [Mutation, ...Mutation[]] = [
  // Again.
  (frames, random) => {
    const at = anyFrame(frames, random)
    frames.splice(random.below(frames.length) + 1, 0, frames[at] ?? Buffer.alloc(0))
  },
  // In another order.
  (frames, random) => {
    const [from, to] = [anyFrame(frames, random), anyFrame(frames, random)]
    const [moved] = frames.splice(from, 1)
    if (moved !== undefined) frames.splice(to, 0, moved)
  },
  // Not at all.
  (frames, random) => {
    frames.splice(anyFrame(frames, random), 1)
  },
  // From another session.
  (frames, random) => {
    const others = generateSession(random).slice(1)
    frames.splice(random.below(frames.length) + 1, 0, ...others.slice(random.below(others.length)))
  },
  // With other flags.
  (frames, random) => {
    change(frames, random, (frame) => writeByte(frame, 4, (frame[4] ?? 0) ^ (1 << random.below(8))))
  },
  // On another stream.
  (frames, random) => {
    change(frames, random, (frame) =>
      writeByte(frame, 8, pick(random, [1, 3, 5, 7, 9, 99, random.below(256)])),
    )
  },
]

/** Changes in what frames are. */
const byteMutations: readonly [Mutation, ...Mutation[]] = [
  // Of another type.
  (frames, random) => {
    change(frames, random, (frame) => writeByte(frame, 3, random.below(12)))
  },
  // Of another length.
  (frames, random) => {
    change(frames, random, (frame) => writeByte(frame, 2, random.below(256)))
  },
  (frames, random) => {
    change(frames, random, (frame) => writeByte(frame, random.below(2), random.below(256)))
  },
  // With a bit that is turned.
  (frames, random) => {
    change(frames, random, (frame) => {
      const at = random.below(Math.max(1, frame.length))
      return writeByte(frame, at, (frame[at] ?? 0) ^ (1 << random.below(8)))
    })
  },
  // Without an end.
  (frames, random) => {
    change(frames, random, (frame) => frame.subarray(0, random.below(frame.length + 1)))
  },
  // With something in between.
  (frames, random) => {
    change(frames, random, (frame) => {
      const at = random.below(frame.length + 1)
      return Buffer.concat([frame.subarray(0, at), noise(random, 1 + random.below(20)), frame.subarray(at)])
    })
  },
  // With another payload.
  (frames, random) => {
    change(frames, random, (frame) => Buffer.concat([frame.subarray(0, 9), noise(random, frame.length)]))
  },
  // Nothing but noise.
  (frames, random) => {
    frames.splice(random.below(frames.length) + 1, 0, noise(random, random.below(400)))
  },
]

/** A session that was made wrong, perhaps. */
export interface MutatedSession {
  readonly bytes: Buffer
  /** Whether only whole frames were touched: header blocks and messages are still well formed. */
  readonly keepsFrames: boolean
}

/** Makes a session and changes it in a few places. */
export function mutatedSession(random: Random): MutatedSession {
  const frames = generateSession(random)
  const keepsFrames = chance(random, 0.5)
  const mutations = keepsFrames ? frameMutations : byteMutations
  const count = random.below(keepsFrames ? 3 : 4)
  for (let n = 0; n < count && frames.length > 0; n++) pick(random, mutations)(frames, random)
  return { bytes: Buffer.concat(frames), keepsFrames }
}

/** Cuts bytes as a network might. */
export function* pieces(bytes: Buffer, random: Random): Generator<Buffer> {
  const sizeMax = pick(random, [bytes.length + 1, 2_000, 100, 12])
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + random.below(sizeMax)
    yield bytes.subarray(at, end)
    at = end
  }
}
