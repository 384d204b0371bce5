ALTER TABLE `vision_jobs`
  DROP CONSTRAINT `vision_jobs_status`,
  DROP CONSTRAINT `vision_jobs_next_step`,
  MODIFY `status` enum('scheduled','blocked','pending','processing','completed','failed','cancelled') character set ascii collate ascii_bin NOT NULL,
  MODIFY `next_step` enum('analysis','content') character set ascii collate ascii_bin NOT NULL DEFAULT 'analysis',
  MODIFY `waiting_as` enum('scheduled','blocked','pending') character set ascii collate ascii_bin GENERATED ALWAYS AS (if(status in ('scheduled', 'blocked', 'pending'), status, null)) STORED,
  MODIFY `lane` enum('analysis','content') character set ascii collate ascii_bin GENERATED ALWAYS AS (if(status in ('scheduled', 'blocked', 'pending'), next_step, null)) STORED,
  MODIFY `ended_as` enum('completed','failed','cancelled') character set ascii collate ascii_bin GENERATED ALWAYS AS (if(status in ('completed', 'failed', 'cancelled'), status, null)) STORED,
  MODIFY `batch_status` enum('scheduled','blocked','pending','processing','completed','failed','cancelled') character set ascii collate ascii_bin GENERATED ALWAYS AS (if(batch_id is null, null, status)) STORED;
