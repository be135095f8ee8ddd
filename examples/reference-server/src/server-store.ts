import type { Environment } from '@orrery/environment'
import { hasCode } from '@orrery/environment'
import type { Store } from '@orrery/store'
import { createMemoryStore, openStore, storeErrorCodes } from '@orrery/store'
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
    if (!hasCode(cause, ...storeErrorCodes)) throw cause
    const reason = hasCode(cause, 'STORE_LOCKED')
      ? `${dataDir} is in use by another process`
      : cause.message.replace(/^STORE_\w+: /, '')
    throw new ServerError('SERVER_STORE_UNAVAILABLE', `--data-dir: ${reason}`, { cause })
  }
}
