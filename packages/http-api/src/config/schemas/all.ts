import type { Schema } from '../../schemas/schema.ts'
import { changeSchemas } from './changes.ts'
import { modelSchemas } from './models.ts'
import { requestSchemas } from './requests.ts'
import { problem } from './responses.ts'

/** Every schema with a name, those before others that these refer to. */
export const schemas: readonly Schema[] = [problem, ...modelSchemas, ...requestSchemas, ...changeSchemas]
