CREATE TABLE `vision_job_deletions` (
	`job_id` bigint unsigned NOT NULL,
	`user_id` varchar(255) character set ascii collate ascii_bin NOT NULL,
	`batch_id` bigint unsigned,
	`version` int unsigned NOT NULL DEFAULT 0,
	`deleted_at` datetime(3) NOT NULL,
	CONSTRAINT `vision_job_deletions_job_id` PRIMARY KEY(`job_id`)
);
--> statement-breakpoint
CREATE INDEX `changes` ON `vision_job_deletions` (`user_id`,`deleted_at`,`job_id`,`version`);--> statement-breakpoint
CREATE INDEX `batch` ON `vision_job_deletions` (`batch_id`,`deleted_at`,`job_id`,`version`);--> statement-breakpoint
CREATE INDEX `old` ON `vision_job_deletions` (`deleted_at`);--> statement-breakpoint
CREATE INDEX `changes` ON `vision_jobs` (`user_id`,`updated_at`,`id`,`version`);