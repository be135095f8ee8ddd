import { type FileHandle, open } from 'node:fs/promises'
import { ConfigError } from '../errors.ts'
import { checkLocalKeys, type LocalKeys } from './local-key-port.ts'

/** The largest key file. Unit: bytes. */
export const keyFileMaxBytes = 1_048_576

/** Bits of a mode: others may do anything, or the group may write. */
const tooOpen = 0o027

const base64 = /^[A-Za-z0-9+/]{43}=$/

/**
 * The keys of a {@link createLocalKeyPort} from a file:
 *
 * ```json
 * { "current": "2026-a", "keys": { "2026-a": "<32 bytes in base64, as `openssl rand -base64 32` gives them>" } }
 * ```
 *
 * Others than its owner and its group may not have any access to it, and the group may only read: `chmod 600`. Windows has no such
 * modes, and nothing is asked there.
 *
 * @throws ConfigError `CONFIG_OPTION_INVALID`, what the file system throws
 */
export async function readKeyFile(file: string): Promise<LocalKeys> {
  const handle = await open(file, 'r')
  try {
    const { mode, size } = await handle.stat() // of what was opened: nobody replaces it between asking and reading
    if (process.platform !== 'win32' && (mode & tooOpen) !== 0) {
      refuse(file, `has the mode ${(mode & 0o777).toString(8)}, which lets others at the keys; chmod 600`)
    }
    if (size > keyFileMaxBytes) refuse(file, `has more than ${keyFileMaxBytes} bytes`)
    return parseKeys(await textOf(handle), file)
  } finally {
    await handle.close()
  }
}

/** At most one byte more than is allowed: what is no regular file has no size before it is read. */
async function textOf(handle: FileHandle): Promise<string> {
  const bytes = Buffer.alloc(keyFileMaxBytes + 1)
  let length = 0
  while (length < bytes.length) {
    const { bytesRead } = await handle.read(bytes, length, bytes.length - length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return bytes.toString('utf8', 0, length)
}

function parseKeys(text: string, file: string): LocalKeys {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    refuse(file, 'is no JSON') // without a cause: its message quotes the text, and with it a key
  }
  const { current, keys } = objectOf(parsed, file)
  if (typeof current !== 'string') refuse(file, 'must have the text `current`')
  const decoded = Object.entries(objectOf(keys, file)).map(([keyId, key]) => {
    if (typeof key !== 'string' || !base64.test(key)) refuse(file, `has no 32 bytes in base64 for ${keyId}`)
    return [keyId, Uint8Array.from(Buffer.from(key, 'base64'))] as const
  })
  const found: LocalKeys = { current, keys: Object.fromEntries(decoded) }
  checkLocalKeys(found)
  return found
}

function objectOf(value: unknown, file: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    refuse(file, 'must be an object with `current` and the object `keys`')
  }
  return value as Readonly<Record<string, unknown>>
}

function refuse(file: string, reason: string): never {
  throw new ConfigError('CONFIG_OPTION_INVALID', `the key file ${file} ${reason}`)
}
