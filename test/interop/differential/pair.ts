import { isDisputed } from './disputed.ts'
import type { Answer, Endpoint } from './endpoint.ts'
import { methods } from './endpoint.ts'
import { partsServers, sameAnswers } from './known-differences.ts'
import { codecOf } from './schema.ts'
import type { Call } from './step.ts'
import { type Fields, printable, resolve } from './wire.ts'

/** Two servers that are asked the same. */
export interface Pair {
  readonly a: Endpoint
  readonly b: Endpoint
}

/** A request without fields, in place of one that must not be sent. */
const harmless = Buffer.alloc(0)

/** Both servers' answers differ. */
export class Mismatch extends Error {
  override readonly name = 'Mismatch'
  /** The method, so that shrinking does not slip to another difference. */
  readonly kind: string

  constructor(kind: string, message: string) {
    super(message)
    this.kind = kind
  }
}

/** Where a round stands on both servers. */
export interface Place {
  /** Revision at which the round began. */
  readonly base: number
  /** Revision of the last compaction, counted from the base. */
  readonly compacted: number
}

/**
 * Sends one request to both servers.
 *
 * @returns the answer of the first
 * @throws Mismatch when they answer differently
 */
export async function ask(pair: Pair, call: Call, place: Place): Promise<Answer> {
  const intended = encode(call, place.base)
  const avoided =
    partsServers(call.method, intended) ||
    (call.spoil !== undefined && isDisputed(`${methods[call.method].message}Request`, intended))
  const request = avoided ? harmless : intended
  const [a, b] = await Promise.all([pair.a.unary(call.method, request), pair.b.unary(call.method, request)])
  if (!sameAnswers({ call, asked: asked(call, request, place), a, b, place })) {
    throw new Mismatch(
      call.method,
      [
        `${call.method} is answered differently (${call.labels.join(', ')})`,
        `  request to ${pair.a.name}: ${printable(resolve(call.fields, place.base))}${spoilText(call)}`,
        `  ${pair.a.name}: ${printable(a)}`,
        `  ${pair.b.name}: ${printable(b)}`,
      ].join('\n'),
    )
  }
  return a
}

function spoilText(call: Call): string {
  return call.spoil === undefined ? '' : ` then ${printable(call.spoil)}`
}

/** The request as bytes, damaged if the call says so. */
export function encode(call: Call, base: number): Buffer {
  const fields: Fields = resolve(call.fields, base)
  const whole = codecOf(`${methods[call.method].message}Request`).encode(fields)
  const { spoil } = call
  switch (spoil?.type) {
    case undefined:
      return whole
    case 'replace':
      return Buffer.from(spoil.bytes)
    case 'append':
      return Buffer.concat([whole, spoil.bytes])
    case 'truncate':
      return whole.subarray(0, Math.floor(whole.length * spoil.keepRatio))
    case 'flip': {
      const at = Math.floor(whole.length * spoil.atRatio)
      const flipped = Buffer.from(whole)
      flipped[at] = (flipped[at] ?? 0) ^ (1 << spoil.bit)
      return flipped
    }
  }
}

/** The fields of a request as it was sent: a damaged one is not what was intended. */
function asked(call: Call, request: Buffer, place: Place): Readonly<Record<string, unknown>> {
  if (call.spoil === undefined) return resolve(call.fields, place.base)
  try {
    return codecOf(`${methods[call.method].message}Request`).decode(request)
  } catch {
    return {}
  }
}
