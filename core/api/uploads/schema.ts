import * as z from 'zod'
import { imageTypes } from '../../images/detect.ts'
import { maxImageBytes } from '../../images/limits.ts'
import { time } from '../fields.ts'

export const CreateUpload = z
  .strictObject({
    contentType: z
      .enum([...imageTypes, 'image/jpg'])
      .transform((type) => (type === 'image/jpg' ? 'image/jpeg' : type))
      .meta({ description: 'What the file is; nothing else will be taken. image/jpg is image/jpeg.' }),
    bytes: z
      .int()
      .min(1)
      .max(maxImageBytes)
      .meta({ description: 'How large the file is; nothing larger will be taken.' }),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 as 64 lower-case hexadecimal digits')
      .optional()
      .meta({
        description:
          'SHA-256 of the file. The same file then always has the same `imageUrl`, and need not be sent again where it is `present`.',
      }),
  })
  .meta({ id: 'CreateUpload' })

export const Upload = z
  .object({
    url: z
      .url()
      .nullable()
      .meta({ description: 'POST the file here, as multipart/form-data; null where it is `present`.' }),
    fields: z.record(z.string(), z.string()).meta({
      description: 'The fields of the form, to be sent as they are and before the file, which is the field `file`.',
    }),
    present: z.boolean().meta({
      description: 'A job of yours has brought this very file already: it need not be sent, and counts for no limit.',
    }),
    imageUrl: z.string().meta({ description: 'What a job is created with.', examples: ['upload:uploads/…'] }),
    expiresAt: time,
  })
  .meta({ id: 'Upload' })

export type UploadView = z.infer<typeof Upload>
