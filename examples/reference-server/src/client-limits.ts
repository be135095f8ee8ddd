import type { ConnectionLimits } from '@orrery/connection-limits'
import { createConnectionLimits } from '@orrery/connection-limits'
import type { Environment } from '@orrery/environment'
import type { ConnectionLimitSettings } from './options.ts'

/** Refusals are logged together, at most so often: whoever floods the server must not flood its log. Unit: ms. */
const logIntervalMs = 10_000

/** Limits the clients of all listeners together, and logs that some are refused. */
export function createClientLimits(
  settings: ConnectionLimitSettings,
  environment: Environment,
): ConnectionLimits {
  const { clock, logger } = environment
  let refused = 0
  let silentUntilMs = -Infinity
  return createConnectionLimits({
    ...settings,
    environment,
    onRefused: ({ reason, listener, host }) => {
      refused += 1
      const nowMs = clock.nowMs()
      if (nowMs < silentUntilMs) return
      logger.warn('connections are refused', { refused, reason, listener, host })
      refused = 0
      silentUntilMs = nowMs + logIntervalMs
    },
  })
}
