import { createHash } from 'node:crypto'
import type { HeartbeatRecord } from '@orrery/registry'

// Each takes any number of keys, so that one of them alone can go to the server that has it. Redis' own time is read
// in the same step in which keys are: neither the clocks of members nor the way to Redis are part of an age.
// TIME gives seconds and microseconds, as text. Redis, commands TIME and EVALSHA.
const nowMs =
  "local t = redis.call('TIME') local now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))"

/** ARGV: what makes the stamp unique, and how long keys live. */
const recordScript = `${nowMs}
for _, key in ipairs(KEYS) do redis.call('SET', key, now .. ':' .. ARGV[1], 'PX', ARGV[2]) end
return #KEYS`

/** Gives the time, and the values; what is not a string counts as nothing. */
const latestScript = `${nowMs}
return { now, redis.call('MGET', unpack(KEYS)) }`

/** A Lua script, and the name by which Redis knows it once it has seen it. */
export interface Script {
  readonly lua: string
  readonly sha: string
}

/** The scripts of the store. */
export interface Scripts {
  readonly record: Script
  readonly latest: Script
}

/** Names the scripts. */
export function createScripts(): Scripts {
  return { record: scriptOf(recordScript), latest: scriptOf(latestScript) }
}

function scriptOf(lua: string): Script {
  return { lua, sha: createHash('sha1').update(lua).digest('hex') }
}

/** A reply that is not what the store asked for: nothing of it can be trusted. */
export class WrongReplyError extends Error {
  override readonly name = 'WrongReplyError'
}

/** Checks the answer of a command that says how many keys it dealt with. */
export function readCount(reply: unknown, isRight: (count: number) => boolean): void {
  // A client of the host may be set to give numbers as text.
  const count =
    typeof reply === 'number' ? reply : typeof reply === 'string' && reply !== '' ? Number(reply) : NaN
  if (!Number.isSafeInteger(count) || !isRight(count)) throw wrong('a number of keys', reply)
}

/**
 * Reads the answer of the script `latest`.
 *
 * @throws WrongReplyError
 */
export function readLatest(reply: unknown, keys: number): readonly (HeartbeatRecord | undefined)[] {
  if (!Array.isArray(reply) || reply.length !== 2) throw wrong('a time and values', reply)
  const [now, values] = reply as readonly unknown[]
  const atMs = typeof now === 'string' && /^\d{1,15}$/.test(now) ? Number(now) : undefined
  if (atMs === undefined) throw wrong('a time', now)
  if (!Array.isArray(values) || values.length !== keys) throw wrong(`${keys} values`, values)
  return values.map((value: unknown) => (value === null ? undefined : readHeartbeat(value, atMs)))
}

function readHeartbeat(value: unknown, nowMs: number): HeartbeatRecord {
  const [, text] = typeof value === 'string' ? (/^(\d{1,15}):[\w.-]+$/.exec(value) ?? []) : []
  if (typeof value !== 'string' || text === undefined) throw wrong('a heartbeat', value)
  // Redis' time is that of its host, which may have been set back.
  return { ageMs: Math.max(0, nowMs - Number(text)), stamp: value }
}

/** Says what came instead, as far as that is short. */
function wrong(expected: string, reply: unknown): WrongReplyError {
  const text = JSON.stringify(reply) as string | undefined
  return new WrongReplyError(`expected ${expected}, got ${(text ?? typeof reply).slice(0, 60)}`)
}
