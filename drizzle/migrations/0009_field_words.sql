ALTER TABLE `vision_jobs` DROP CONSTRAINT `vision_jobs_status`;--> statement-breakpoint
UPDATE `vision_jobs` SET `status` = 'blocked' WHERE `status` = 'held';--> statement-breakpoint
ALTER TABLE `vision_jobs` ADD CONSTRAINT `vision_jobs_status` CHECK (status in ('scheduled', 'blocked', 'pending', 'processing', 'completed', 'failed', 'cancelled'));--> statement-breakpoint
ALTER TABLE `vision_jobs` RENAME COLUMN `turn` TO `start_tag`, RENAME COLUMN `complaint` TO `answer_issue`;--> statement-breakpoint
ALTER TABLE `vision_users` RENAME COLUMN `held_at` TO `blocked_seen_at`, RENAME INDEX `held` TO `blocked`;--> statement-breakpoint
ALTER TABLE `vision_workers`
  RENAME COLUMN `place` TO `host`,
  RENAME COLUMN `last_beat_at` TO `last_heartbeat_at`,
  RENAME INDEX `heard` TO `heartbeat`;--> statement-breakpoint
RENAME TABLE `vision_gates` TO `vision_provider_states`;--> statement-breakpoint
ALTER TABLE `vision_provider_states`
  RENAME COLUMN `name` TO `provider`,
  RENAME COLUMN `stopped_at` TO `paused_at`,
  RENAME COLUMN `stopped_by` TO `paused_by`,
  RENAME COLUMN `paused_until` TO `backoff_until`,
  RENAME COLUMN `pause_code` TO `backoff_code`,
  RENAME COLUMN `pauses` TO `backoffs`,
  RENAME COLUMN `strikes` TO `consecutive_failures`,
  RENAME COLUMN `down_since` TO `opened_at`;--> statement-breakpoint
UPDATE `vision_operator_actions` SET `parameters` = CONCAT('{"provider"', SUBSTRING(`parameters`, 8)) WHERE `parameters` LIKE '{"gate":%';
