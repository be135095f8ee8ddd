/** Facts that belong to a log line. Values are data, never secrets or values of keys. */
export type LogFields = Readonly<Record<string, unknown>>

/**
 * Where a component reports what an operator should know. A host passes an adapter to its own logger
 * (pino's and console's method names fit); no component writes to the console by itself.
 */
export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

const nothing = (): void => {}

/** Drops everything. What a component uses when its host passes no logger. */
export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing }
