import { connectionSessions } from './connection.ts'
import { frameSessions } from './frames.ts'
import { hpackSessions } from './hpack.ts'
import { requestSessions } from './requests.ts'
import type { Session } from './session.ts'
import { settingsSessions } from './settings.ts'
import { streamSessions } from './streams.ts'

/** Every rule that one connection can show. */
export const allSessions: readonly Session[] = [
  ...connectionSessions,
  ...streamSessions,
  ...frameSessions,
  ...settingsSessions,
  ...requestSessions,
  ...hpackSessions,
]
