import type { HeartbeatBatch, HeartbeatReply } from '@orrery/registry'
import type { Schema, SchemasOf } from './schema.ts'
import { flag, list, object, revision, text } from './schema.ts'

const batch: Schema = object(
  {
    from: text('The member that sends.'),
    life: text('Identifies its present life: counting begins anew with it.'),
    sequence: {
      type: 'integer',
      minimum: 1,
      description: 'One more each batch of this life to this receiver.',
    },
    ringRevision: revision("Of the sender's list of members."),
    beats: list(
      { type: 'string' },
      'Paths of instances: <namespace>/<service>/<id>, each escaped as in a URL.',
    ),
    isLast: flag('The sender takes no more heartbeats.'),
  } satisfies SchemasOf<HeartbeatBatch>,
  { $id: 'RegistryHeartbeatBatch', description: 'Heartbeats that one member took for another.' },
)

const reply: Schema = object(
  {
    ringRevision: revision("Of the receiver's list of members."),
    refused: list(
      { type: 'integer', minimum: 0 },
      'Positions in beats of instances that the receiver does not know, or does not judge: send them again.',
    ),
  } satisfies SchemasOf<HeartbeatReply>,
  { $id: 'RegistryHeartbeatReply', description: 'What the receiver of a batch says.' },
)

/** What members say to each other. */
export const heartbeatSchemas: readonly Schema[] = [batch, reply]
