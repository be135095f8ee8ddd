import type { Schema } from './schema.ts'
import { flag, list, object, ref, revision, text } from './schema.ts'
import { serviceKey } from './models.ts'

const removalReasons = ['deregistered', 'evicted', 'serviceDeleted', 'unknown']
const healthReasons = ['registered', 'reported', 'heartbeat', 'expired']

const instanceChange: Schema = object(
  {
    type: { type: 'string', enum: ['registered', 'updated', 'healthChanged', 'removed'] },
    instance: ref('RegistryInstance'),
    previous: ref('RegistryInstance'),
    reason: { type: 'string', enum: removalReasons, description: 'Of a removal.' },
  },
  {
    $id: 'RegistryInstanceChange',
    description: 'What happened to an instance. A removed one is what it was.',
    optional: ['previous', 'reason'],
  },
)

const changeBatch: Schema = object(
  {
    revision: revision('The revision of the store that changed it.'),
    instances: list(ref('RegistryInstanceChange')),
    services: list(
      object({ key: serviceKey, service: ref('RegistryService') }, { optional: ['service'] }),
      'Services that were created, changed, or, when the service is absent, deleted.',
    ),
    namespaces: list(
      object(
        { name: text('The namespace.'), namespace: ref('RegistryNamespace') },
        { optional: ['namespace'] },
      ),
      'Namespaces that were created, changed, or, when the namespace is absent, deleted.',
    ),
  },
  { $id: 'RegistryChangeBatch', description: 'What one revision of the store changed.' },
)

/** The answer of `GET /v1/changes`. */
export const changes: Schema = object(
  {
    revision: revision('Up to which these are all changes: what to ask with next.'),
    more: flag('There are more changes after it already.'),
    batches: list(ref('RegistryChangeBatch'), 'The oldest first.'),
  },
  { $id: 'RegistryChanges', description: 'What changed after a revision.' },
)

/** One item of `GET /v1/events`. */
const event: Schema = object(
  {
    type: { type: 'string', enum: ['healthChanged', 'removed'] },
    timeMs: {
      type: 'number',
      description:
        'When its health changed, or when this member learned of its removal. Unit: ms since 1970.',
    },
    revision: revision('The revision of the store that changed it.'),
    member: text('The member that tells. Empty: it has no name.'),
    namespace: text('The namespace.'),
    service: text('The service.'),
    id: text('The instance.'),
    host: text('Where it is, or was, reached.'),
    port: { type: 'integer', minimum: 0, maximum: 65_535 },
    healthy: flag('As which it is, or was, known.'),
    reason: { type: 'string', enum: [...new Set([...healthReasons, ...removalReasons])] },
  },
  { $id: 'RegistryEvent', description: 'A change of health, or a removal.' },
)

/** In the order of their references. */
export const changeSchemas: readonly Schema[] = [instanceChange, changeBatch, changes, event]
