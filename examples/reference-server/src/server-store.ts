import { open } from 'node:fs/promises'
import type { Environment } from '@orrery/environment'
import { hasCode } from '@orrery/environment'
import type { Store } from '@orrery/store'
import { createMemoryStore, openStore, restoreSnapshot, storeErrorCodes } from '@orrery/store'
import { ServerError } from './errors.ts'
import type { ReferenceServerOptions } from './options.ts'

/**
 * Opens the store that everything else lives on.
 *
 * @throws ServerError `SERVER_STORE_UNAVAILABLE`
 */
export async function openServerStore(
  { dataDir }: Pick<ReferenceServerOptions, 'dataDir'>,
  environment: Environment,
): Promise<Store> {
  if (dataDir === undefined) return createMemoryStore({ environment })
  try {
    return await openStore({ directory: dataDir, environment })
  } catch (cause) {
    throw unavailable('--data-dir', dataDir, cause)
  }
}

/**
 * Creates a data directory from a snapshot file.
 *
 * @throws ServerError `SERVER_STORE_UNAVAILABLE`
 */
export async function restoreServerStore(restore: {
  readonly file: string
  readonly directory: string
}): Promise<void> {
  const { file, directory } = restore
  try {
    await using snapshot = await open(file)
    await restoreSnapshot(snapshot.createReadStream({ autoClose: false }), { directory })
  } catch (cause) {
    throw unavailable('--restore', directory, cause)
  }
}

function unavailable(option: string, directory: string, cause: unknown): unknown {
  if (hasCode(cause, 'ENOENT', 'EACCES', 'EISDIR')) {
    return new ServerError('SERVER_STORE_UNAVAILABLE', `${option}: ${cause.message}`, { cause })
  }
  if (!hasCode(cause, ...storeErrorCodes)) return cause
  const reason = hasCode(cause, 'STORE_LOCKED')
    ? `${directory} is in use by another process`
    : cause.message.replace(/^STORE_\w+: /, '')
  return new ServerError('SERVER_STORE_UNAVAILABLE', `${option}: ${reason}`, { cause })
}
