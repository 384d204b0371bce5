CREATE TABLE `vision_job_texts` (
	`job_id` bigint unsigned NOT NULL,
	`text` tinyint unsigned NOT NULL,
	`output_format` varchar(40) character set ascii collate ascii_bin NOT NULL,
	`language` varchar(35) character set ascii collate ascii_bin NOT NULL,
	`platform` varchar(20) character set ascii collate ascii_bin,
	`brand_id` bigint unsigned,
	`brand_version` int unsigned,
	`variant` tinyint unsigned NOT NULL DEFAULT 1,
	`status` varchar(20) character set ascii collate ascii_bin NOT NULL,
	`revision` int unsigned NOT NULL DEFAULT 0,
	`approved_revision` int unsigned,
	`instruction` varchar(2000) character set utf8mb4 collate utf8mb4_bin,
	`requested_by` varchar(255) character set ascii collate ascii_bin,
	`answer_issue` varchar(1000) character set utf8mb4 collate utf8mb4_bin,
	`error_code` varchar(64) character set ascii collate ascii_bin,
	`error_message` varchar(500) character set utf8mb4 collate utf8mb4_bin,
	`version` int unsigned NOT NULL DEFAULT 0,
	`created_at` datetime(3) NOT NULL,
	`updated_at` datetime(3) NOT NULL,
	CONSTRAINT `vision_job_texts_job_id_text_pk` PRIMARY KEY(`job_id`,`text`),
	CONSTRAINT `vision_job_texts_status` CHECK(status in ('waiting', 'completed', 'failed'))
);
--> statement-breakpoint
ALTER TABLE `vision_job_attempts`
  ADD `possibly_billed_calls` int unsigned DEFAULT 0 NOT NULL,
  ADD `calls_at_once` tinyint unsigned DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE `vision_job_outputs`
  ADD `text` tinyint unsigned DEFAULT 1 NOT NULL,
  ADD `revision` int unsigned DEFAULT 1 NOT NULL,
  ADD `author` varchar(20) character set ascii collate ascii_bin DEFAULT 'model' NOT NULL,
  ADD `requested_by` varchar(255) character set ascii collate ascii_bin,
  ADD `instruction` varchar(2000) character set utf8mb4 collate utf8mb4_bin,
  ADD CONSTRAINT `job_text` UNIQUE(`job_id`,`kind`,`text`,`revision`),
  ADD CONSTRAINT `vision_job_outputs_author` CHECK (author in ('model', 'user'));--> statement-breakpoint
ALTER TABLE `vision_job_outputs` DROP INDEX `job_kind`;--> statement-breakpoint
ALTER TABLE `vision_jobs`
  ADD `texts` tinyint unsigned DEFAULT 1 NOT NULL,
  ADD `texts_completed` tinyint unsigned DEFAULT 0 NOT NULL;--> statement-breakpoint
UPDATE `vision_job_outputs` SET `text` = 0 WHERE `kind` = 'analysis';--> statement-breakpoint
UPDATE `vision_job_attempts` SET `possibly_billed_calls` = 1 WHERE `possibly_billed` IS NOT NULL;--> statement-breakpoint
INSERT INTO `vision_job_texts`
    (`job_id`, `text`, `output_format`, `language`, `platform`, `brand_id`, `brand_version`, `status`, `revision`, `answer_issue`,
      `version`, `created_at`, `updated_at`)
  SELECT j.`id`, 1, j.`output_format`, j.`language`, j.`platform`, j.`brand_id`, j.`brand_version`,
      IF(o.`id` IS NULL, 'waiting', 'completed'), IF(o.`id` IS NULL, 0, 1), IF(j.`next_step` = 'content', j.`answer_issue`, NULL),
      COALESCE(o.`version`, 1), j.`created_at`, COALESCE(o.`created_at`, j.`created_at`)
    FROM `vision_jobs` j LEFT JOIN `vision_job_outputs` o ON o.`job_id` = j.`id` AND o.`kind` = 'content';--> statement-breakpoint
UPDATE `vision_jobs` SET `texts_completed` = IF(`status` = 'completed', 1, 0), `answer_issue` = IF(`next_step` = 'content', NULL, `answer_issue`)
  WHERE `status` = 'completed' OR (`answer_issue` IS NOT NULL AND `next_step` = 'content');
