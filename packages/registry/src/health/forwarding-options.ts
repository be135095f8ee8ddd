import { RegistryError } from '../errors.ts'

/** What sender and receiver of heartbeats have to agree on. */
export interface ForwardingPactOptions {
  /**
   * How long after it was sent a batch that was acknowledged lets its sender vouch for more. It may run on by a clock that is
   * up to a tenth slower than the receiver's. Unit: ms. @defaultValue `2_000`
   */
  readonly validMs?: number | undefined
  /** How long a sender may be silent while others are judged. Unit: ms, less than `validMs`. @defaultValue `500` */
  readonly silenceMs?: number | undefined
  /** A batch of so many says that more may wait. Unit: beats, from 2 to 10 000. @defaultValue `10_000` */
  readonly batchMaxBeats?: number | undefined
}

/** How a member forwards heartbeats. */
export interface ForwarderOptions extends ForwardingPactOptions {
  /** How long beats gather before they are sent. Unit: ms. @defaultValue `100` */
  readonly lingerMs?: number | undefined
  /** How often something is sent, even if there is nothing to say. Unit: ms, at most half of `silenceMs`. @defaultValue `200` */
  readonly keepaliveMs?: number | undefined
  /** How long an acknowledgement is waited for. Unit: ms, at most `validMs`. @defaultValue `1_000` */
  readonly timeoutMs?: number | undefined
  /** How long a beat that cannot be delivered is kept. Unit: ms, more than `validMs`. @defaultValue `5_000` */
  readonly beatLifeMs?: number | undefined
  /** When what was refused is sent again. Unit: ms. @defaultValue `250` */
  readonly refusedRetryMs?: number | undefined
  /** Beats that may wait for one member; with more, its heartbeats are not taken. @defaultValue `1_000_000` */
  readonly pendingMaxBeats?: number | undefined
}

/** How a member takes what others forward. */
export interface HeartbeatIntakeOptions extends ForwardingPactOptions {
  /**
   * How long, after somebody joined, it is waited for members who may not know it yet. Unit: ms, more than
   * `validMs`. @defaultValue `5_000`
   */
  readonly catchUpMaxMs?: number | undefined
  /** Lives of senders that are told apart; batches of more are refused. @defaultValue `1_024` */
  readonly sendersMax?: number | undefined
}

const pact = { validMs: 2_000, silenceMs: 500, batchMaxBeats: 10_000 } as const

/** What a forwarder uses when its options do not say otherwise. */
export const forwarderDefaults = {
  ...pact,
  lingerMs: 100,
  keepaliveMs: 200,
  timeoutMs: 1_000,
  beatLifeMs: 5_000,
  refusedRetryMs: 250,
  pendingMaxBeats: 1_000_000,
} as const satisfies Required<ForwarderOptions>

/** What an intake uses when its options do not say otherwise. */
export const heartbeatIntakeDefaults = {
  ...pact,
  catchUpMaxMs: 5_000,
  sendersMax: 1_024,
} as const satisfies Required<HeartbeatIntakeOptions>

/** {@link ForwarderOptions}, complete. */
export type ResolvedForwarderOptions = { readonly [Name in keyof ForwarderOptions]-?: number }

/** {@link HeartbeatIntakeOptions}, complete. */
export type ResolvedHeartbeatIntakeOptions = { readonly [Name in keyof HeartbeatIntakeOptions]-?: number }

/** By how much the clocks of two members may run apart. */
const driftMax = 1.1

/**
 * How long after the last batch of a sender the receiver knows that it vouches for nothing more: the sender's clock may be
 * the slower one. Unit: ms.
 */
export function forgetAfterMs({ validMs }: { readonly validMs: number }): number {
  return validMs * driftMax
}

/** @throws RegistryError `REGISTRY_OPTION_INVALID` */
export function resolveForwarderOptions(options: ForwarderOptions): ResolvedForwarderOptions {
  const resolved: ResolvedForwarderOptions = { ...forwarderDefaults, ...given(options) }
  const { validMs, silenceMs, lingerMs, keepaliveMs, timeoutMs, beatLifeMs, refusedRetryMs } = resolved
  checkPact(resolved)
  check(lingerMs > 0 && lingerMs <= keepaliveMs, 'lingerMs is above 0 and at most keepaliveMs')
  check(keepaliveMs <= silenceMs / 2, 'keepaliveMs is at most half of silenceMs')
  check(timeoutMs > 0 && timeoutMs <= validMs, 'timeoutMs is above 0 and at most validMs')
  // Until then its receiver has to have forgotten the sender, and not take the next batch for a sign that all is well.
  check(
    beatLifeMs > forgetAfterMs(resolved) && beatLifeMs < Infinity,
    'beatLifeMs is finite and above validMs',
  )
  check(refusedRetryMs >= 0 && refusedRetryMs < Infinity, 'refusedRetryMs is from 0 on')
  const { pendingMaxBeats } = resolved
  check(
    Number.isSafeInteger(pendingMaxBeats) && pendingMaxBeats >= 1,
    'pendingMaxBeats is an integer from 1 on',
  )
  return resolved
}

/** @throws RegistryError `REGISTRY_OPTION_INVALID` */
export function resolveIntakeOptions(options: HeartbeatIntakeOptions): ResolvedHeartbeatIntakeOptions {
  const resolved: ResolvedHeartbeatIntakeOptions = { ...heartbeatIntakeDefaults, ...given(options) }
  const { catchUpMaxMs, sendersMax } = resolved
  checkPact(resolved)
  check(catchUpMaxMs > forgetAfterMs(resolved), 'catchUpMaxMs is above validMs and a tenth')
  check(Number.isSafeInteger(sendersMax) && sendersMax >= 1, 'sendersMax is an integer from 1 on')
  return resolved
}

function checkPact({
  validMs,
  silenceMs,
  batchMaxBeats,
}: Required<{ [N in keyof ForwardingPactOptions]: number }>): void {
  check(
    silenceMs > 0 && silenceMs < validMs && validMs < Infinity,
    'silenceMs is above 0 and less than validMs',
  )
  const { batchMaxBeats: max } = pact
  const isCount = Number.isSafeInteger(batchMaxBeats) && batchMaxBeats >= 2 && batchMaxBeats <= max
  check(isCount, `batchMaxBeats is an integer from 2 to ${max}`)
}

function given<Options extends object>(options: Options): { [Name in keyof Options]: number } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [Name in keyof Options]: number
  }
}

function check(holds: boolean, rule: string): void {
  if (!holds) throw new RegistryError('REGISTRY_OPTION_INVALID', rule)
}
