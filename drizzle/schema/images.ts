import { check, index, int, mysqlTable, tinyint, uniqueIndex } from 'drizzle-orm/mysql-core'
import { id, key, oneOf, time, word } from './columns.ts'
import { type ImageOrientation, type ImageState, imageStates } from './values.ts'

/** The snapshots: one row for each image that a user's jobs use, however many do. */
export const visionImages = mysqlTable(
  'vision_images',
  {
    id: id('id').autoincrement().primaryKey(),
    userId: key('user_id', { length: 255 }).notNull(),
    /** Of the bytes, in hex. */
    sha256: key('sha256', { length: 64 }).notNull(),
    state: word<ImageState>('state').notNull(),
    type: key('type', { length: 20 }).notNull(),
    bytes: int('bytes', { unsigned: true }).notNull(),
    /** In pixels, as stored in the file. */
    width: int('width', { unsigned: true }).notNull(),
    height: int('height', { unsigned: true }).notNull(),
    /** As Exif numbers it, 1 to 8; null in rows from before it was read. */
    orientation: tinyint('orientation', { unsigned: true }).$type<ImageOrientation>(),
    /** When the sweeper may delete it; null while a job uses it. */
    sweepAt: time('sweep_at'),
    createdAt: time('created_at').notNull(),
  },
  (image) => [
    uniqueIndex('user_sha256').on(image.userId, image.sha256),
    index('sweep').on(image.sweepAt),
    check('vision_images_state', oneOf('state', imageStates)),
  ],
)
