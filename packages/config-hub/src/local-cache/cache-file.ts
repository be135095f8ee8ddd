import { createHash } from 'node:crypto'
import { hasCode } from '@orrery/environment'
import { ConfigError } from '../errors.ts'
import { filePath } from '../keys.ts'
import { configLimits } from '../limits.ts'
import type { FileKey, Release, ReleaseOrigin } from '../model.ts'
import { flagOf, formatOf, integerOf, objectOf, refuse, textOf } from '../validate/fields.ts'
import { checkFileKey } from '../validate/names.ts'
import { tagsOf } from '../validate/specs.ts'

/** A release in a local cache. */
export interface CachedRelease {
  readonly release: Release
  /** By the clock of whoever saved it. Unit: ms since the epoch. */
  readonly savedAtMs: number
}

// A cache file:
//
//   orrery-config-cache 1 <SHA-256 of all that follows this line, 64 hexadecimal digits>\n
//   <JSON: what is known of the release>\n
//   <content, UTF-8>

const magic = 'orrery-config-cache 1 '
const firstLineBytes = magic.length + 64 + 1
const lineEnd = 10

/** The largest cache file: more than a content and all that can be said of it. Unit: bytes. */
export const cacheFileMaxBytes = 4 * configLimits.contentMaxBytes

const origins: readonly ReleaseOrigin[] = ['publish', 'gray', 'promote', 'rollback', 'restate']

/** What the cache file of a release is called: names of files are longer, and less harmless, than a file system bears. */
export function cacheFileName(key: FileKey): string {
  return `${createHash('sha256').update(filePath(key)).digest('hex')}.release`
}

/** Whether a file may be a cache file, by its name. */
export function isCacheFileName(name: string): boolean {
  return /^[\da-f]{64}\.release$/.test(name)
}

/** The bytes of a cache file. */
export function encodeCacheFile({ release, savedAtMs }: CachedRelease): Uint8Array {
  const { content, ...head } = release
  const body = Buffer.from(`${JSON.stringify({ ...head, savedAtMs })}\n${content}`)
  return Buffer.concat([Buffer.from(`${magic}${checksum(body)}\n`), body])
}

/**
 * The reverse of {@link encodeCacheFile}.
 *
 * @param name of the cache file
 * @throws ConfigError `CONFIG_CACHE_INVALID`
 */
export function decodeCacheFile(name: string, bytes: Uint8Array): CachedRelease {
  const first = Buffer.from(bytes.subarray(0, firstLineBytes)).toString('latin1')
  const body = bytes.subarray(firstLineBytes)
  if (!first.startsWith(magic)) invalid(name, 'is no cache file of this version')
  if (first !== `${magic}${checksum(body)}\n`) invalid(name, 'is damaged')
  const end = body.indexOf(lineEnd)
  try {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
    const head = objectOf(JSON.parse(decoder.decode(body.subarray(0, end))), 'head')
    const cached = cachedOf(head, decoder.decode(body.subarray(end + 1)))
    if (cacheFileName(cached.release) !== name) invalid(name, 'is the cache file of another file')
    return cached
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError || hasCode(error, 'CONFIG_INVALID')) {
      invalid(name, `holds no release: ${error.message}`, { cause: error })
    }
    throw error
  }
}

function cachedOf(head: Readonly<Record<string, unknown>>, content: string): CachedRelease {
  checkFileKey(head)
  const origin = origins.find((known) => known === head['origin'])
  if (origin === undefined) refuse('origin', `must be one of ${origins.join(', ')}`)
  const text = (field: string): string => textOf(head[field], field, configLimits.commentMaxChars)
  const from = head['from']
  const release: Release = Object.freeze({
    ...{ namespace: head.namespace, group: head.group, file: head.file, content, origin },
    version: integerOf(head['version'], 'version', { min: 1 }),
    name: text('name'),
    md5: text('md5'),
    sizeBytes: integerOf(head['sizeBytes'], 'sizeBytes', { min: 0 }),
    format: formatOf(head['format']),
    tags: tagsOf(head['tags']),
    comment: text('comment'),
    encrypted: flagOf(head['encrypted'], 'encrypted'),
    from: from === undefined ? undefined : integerOf(from, 'from', { min: 1 }),
    releasedAtMs: integerOf(head['releasedAtMs'], 'releasedAtMs', { min: 0 }),
    actor: text('actor'),
    reason: text('reason'),
  })
  return { release, savedAtMs: integerOf(head['savedAtMs'], 'savedAtMs', { min: 0 }) }
}

function checksum(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('hex')
}

/** @throws ConfigError `CONFIG_CACHE_INVALID` always */
export function invalid(name: string, reason: string, options?: ErrorOptions): never {
  throw new ConfigError('CONFIG_CACHE_INVALID', `${name} ${reason}`, options)
}
