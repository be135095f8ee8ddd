import type { LogFields, Logger } from '@orrery/environment'
import { pino } from 'pino'
import type { DestinationStream } from 'pino'
import type { LogLevel } from './options.ts'

/** A logger for all parts of the server: JSON lines, by default to standard error. */
export function createLogger(
  level: LogLevel,
  destination: DestinationStream = pino.destination({ fd: 2, sync: true }),
): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    // Left to JSON, an error would be its code at most.
    serializers: { error: pino.stdSerializers.err },
  }
  const logger = pino(options, destination)
  const at =
    (method: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields: LogFields = {}): void => {
      logger[method](fields, message)
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
