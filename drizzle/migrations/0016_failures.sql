CREATE TABLE `vision_failures` (
	`user_id` varchar(255) character set ascii collate ascii_bin NOT NULL,
	`day` date NOT NULL,
	`code` varchar(64) character set ascii collate ascii_bin NOT NULL,
	`step` varchar(20) character set ascii collate ascii_bin NOT NULL,
	`jobs` bigint NOT NULL DEFAULT 0,
	`first_at` datetime(3) NOT NULL,
	`last_at` datetime(3) NOT NULL,
	`job_id` bigint unsigned NOT NULL,
	CONSTRAINT `vision_failures_user_id_day_code_step_pk` PRIMARY KEY(`user_id`,`day`,`code`,`step`)
);
--> statement-breakpoint
CREATE INDEX `by_day` ON `vision_failures` (`day`,`code`,`step`);--> statement-breakpoint
CREATE INDEX `error` ON `vision_jobs` (`error_code`,`id`);