import { Client, credentials } from '@grpc/grpc-js'
import { kvDefinition } from '@orrery/adapter-etcd'
import { compare, type Comparison, type Contestant, type Sides } from './comparison.ts'
import { h2load } from './h2load.ts'

/** What a load consists of. */
export interface Call {
  /** `package.Service/Method`, in turns when there are several. */
  readonly methods: readonly string[]
  /** The encoded request message. */
  readonly message: Uint8Array
}

/** How many requests at a time. */
export interface Shape {
  readonly connections: number
  /** Of each connection. */
  readonly streams: number
}

/** The key of 16 bytes that all loads are about. */
export const key: Uint8Array = Buffer.from('key0000000000001')

/** `etcdserverpb.KV/Put` of {@link key}. */
export function putCall(value: Uint8Array): Call {
  return { methods: ['etcdserverpb.KV/Put'], message: kvDefinition.Put.requestSerialize({ key, value }) }
}

/** `etcdserverpb.KV/Range` of {@link key}. */
export function rangeCall(consistency: 'linearizable' | 'serializable' = 'linearizable'): Call {
  const request = { key, serializable: consistency === 'serializable' }
  return { methods: ['etcdserverpb.KV/Range'], message: kvDefinition.Range.requestSerialize(request) }
}

/** A put of 256 bytes. */
export const put: Call = putCall(new Uint8Array(256).fill(7))

/** How long a run takes, about. */
const runSeconds = 1.5

/**
 * Calls per second of both sides, in turns, after each has answered one call to a client of grpc-js.
 *
 * @param shape.requests of the first run, which does not count; the others last about a second and a half
 * @param shape.requestsMax of a run. @defaultValue any number
 */
export async function compareCalls<C extends Contestant & { readonly endpoint: string }>(
  sides: Sides<C>,
  call: Call,
  {
    requests,
    requestsMax = Infinity,
    ...shape
  }: Shape & { readonly requests: number; readonly requestsMax?: number },
): Promise<Comparison> {
  await checkCall(sides.ours.endpoint, call)
  if (sides.peer !== undefined) await checkCall(sides.peer.endpoint, call)
  const rates = new Map<C, number>()
  return compare(sides, async (side) => {
    const rate = rates.get(side)
    const asMany = rate === undefined ? requests : Math.round(rate * runSeconds)
    const calls = Math.min(Math.max(asMany, shape.connections * shape.streams), requestsMax)
    const value = await h2load({ ...call, ...shape, requests: calls, endpoint: side.endpoint })
    rates.set(side, value)
    return { calls, value }
  })
}

/**
 * Sends each method once, by a client of grpc-js.
 *
 * @throws ServiceError when the status of one is not OK
 */
export async function checkCall(endpoint: string, { methods, message }: Call): Promise<void> {
  const client = new Client(endpoint, credentials.createInsecure())
  for (const method of methods) {
    await new Promise<void>((resolve, reject) => {
      client.makeUnaryRequest(
        `/${method}`,
        (bytes: Buffer) => bytes,
        (bytes) => bytes,
        Buffer.from(message),
        (error) => {
          if (error === null) resolve()
          else reject(error)
        },
      )
    })
  }
  client.close()
}
