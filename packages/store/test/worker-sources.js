// In a thread, nothing loads TypeScript unless it is told to: first thing for whoever runs sources in one.
import { register } from 'tsx/esm/api'

register()
