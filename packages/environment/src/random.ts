/** A stream of random numbers that one seed determines. Not for secrets. */
export interface Random {
  /** An integer, uniform in [0, 2^32). */
  uint32(): number
  /** Uniform in [0, 1), with 53 random bits. */
  float(): number
  /**
   * An integer, uniform in [0, bound).
   *
   * @throws RangeError when `bound` is not an integer in [1, 2^32]
   */
  below(bound: number): number
  /** An identifier, uniform in [1, 2^63): positive in a signed 64-bit field, never the "none" value 0. */
  id63(): bigint
  /**
   * An independent stream, determined by this seed and `label` alone. It neither advances this stream nor
   * depends on how far it was read: a new draw in one part of a program does not shift the others.
   */
  fork(label: string): Random
}

/** FNV-1a, 32 bit: spreads a fork's label over the seed. */
function hashLabel(label: string, basis: number): number {
  let hash = basis >>> 0
  for (let i = 0; i < label.length; i++) {
    hash = Math.imul(hash ^ label.charCodeAt(i), 0x01000193) >>> 0
  }
  return hash
}

/** One step of splitmix32: turns neighbouring seeds into unrelated states. */
function splitmix32(state: number): number {
  let z = (state + 0x9e3779b9) >>> 0
  z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
  return (z ^ (z >>> 16)) >>> 0
}

/**
 * Creates a stream of random numbers. The generator is our own, so that a seed found today replays on any
 * later version of Node.
 *
 * Source: sfc32 by Chris Doty-Humphrey (PractRand), seeded by splitmix32.
 *
 * @param seed an integer; the same seed gives the same stream
 */
export function createRandom(seed: number): Random {
  let a = splitmix32(seed >>> 0)
  let b = splitmix32(a ^ (Math.floor(seed / 0x1_0000_0000) >>> 0))
  let c = splitmix32(b)
  let counter = 1

  const uint32 = (): number => {
    const result = (((a + b) >>> 0) + counter) >>> 0
    counter = (counter + 1) >>> 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) >>> 0
    c = (((c << 21) | (c >>> 11)) + result) >>> 0
    return result
  }
  // The first outputs still resemble the seed.
  for (let i = 0; i < 12; i++) uint32()

  const below = (bound: number): number => {
    if (!Number.isInteger(bound) || bound < 1 || bound > 0x1_0000_0000) {
      throw new RangeError(`bound must be an integer in [1, 2^32], got ${String(bound)}`)
    }
    // Rejection keeps the result uniform when bound does not divide 2^32.
    const limit = 0x1_0000_0000 - (0x1_0000_0000 % bound)
    for (;;) {
      const draw = uint32()
      if (draw < limit) return draw % bound
    }
  }

  return {
    uint32,
    float: () => ((uint32() >>> 5) * 0x400_0000 + (uint32() >>> 6)) / 0x20_0000_0000_0000,
    below,
    id63: () => {
      for (;;) {
        const id = (BigInt(uint32() >>> 1) << 32n) | BigInt(uint32())
        if (id !== 0n) return id
      }
    },
    fork: (label) => createRandom(hashLabel(label, splitmix32(seed >>> 0)) * 0x1_0000 + (seed & 0xffff)),
  }
}
