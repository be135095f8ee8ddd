import { changeSchemas } from './changes.ts'
import { heartbeatSchemas } from './heartbeats.ts'
import { checker, instance, namespace, service, serviceSummary, snapshot, stats } from './models.ts'
import { requestSchemas } from './requests.ts'
import { problem } from './responses.ts'
import type { Schema } from './schema.ts'

/** Every schema with a name, those before others that these refer to. */
export const schemas: readonly Schema[] = [
  problem,
  namespace,
  service,
  serviceSummary,
  instance,
  snapshot,
  checker,
  stats,
  ...changeSchemas,
  ...heartbeatSchemas,
  ...requestSchemas,
]
