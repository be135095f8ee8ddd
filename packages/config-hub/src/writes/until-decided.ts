import { ConfigError } from '../errors.ts'

/** How often a write is decided anew because somebody else was faster. */
export const attemptsMax = 64

/**
 * Reads, decides and writes, until nobody is faster.
 *
 * @param attempt gives undefined when something came in between
 * @throws ConfigError `CONFIG_OVERLOADED`: something came in between each time
 */
export async function untilDecided<T>(attempt: () => Promise<T | undefined>): Promise<T> {
  for (let n = 0; n < attemptsMax; n++) {
    const result = await attempt()
    if (result !== undefined) return result
  }
  throw tooOften()
}

/** Others were faster each time. */
export function tooOften(): ConfigError {
  return new ConfigError('CONFIG_OVERLOADED', `others changed it ${attemptsMax} times meanwhile`)
}

/** @throws ConfigError `CONFIG_CONFLICT`: it is not at the revision that the caller says */
export function requireRevision(
  { ifRevision }: { readonly ifRevision?: number | undefined },
  revision: number,
): void {
  if (ifRevision === undefined || ifRevision === revision) return
  throw new ConfigError('CONFIG_CONFLICT', `it is at revision ${revision}, not at ${ifRevision}`)
}
