CREATE TABLE `vision_lanes` (
	`lane` varchar(20) character set ascii collate ascii_bin NOT NULL,
	`virtual_time` bigint unsigned NOT NULL DEFAULT 0,
	CONSTRAINT `vision_lanes_lane` PRIMARY KEY(`lane`),
	CONSTRAINT `vision_lanes_lane` CHECK(lane in ('analysis', 'content'))
);
--> statement-breakpoint
ALTER TABLE `vision_users` ADD `analysis_tag` bigint unsigned DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `vision_users` ADD `content_tag` bigint unsigned DEFAULT 0 NOT NULL;--> statement-breakpoint
INSERT INTO `vision_lanes` (`lane`, `virtual_time`)
	SELECT `lane`, COALESCE(
		(SELECT GREATEST(MIN(`turn`), 1) - 1 FROM `vision_jobs` WHERE `status` = 'pending' AND `next_step` = `lane`),
		(SELECT MAX(`turn`) FROM `vision_jobs` WHERE `status` = 'processing' AND `next_step` = `lane` AND `next_step` = 'analysis'),
		0)
	FROM (SELECT 'analysis' AS `lane` UNION ALL SELECT 'content') AS `lanes`;--> statement-breakpoint
INSERT INTO `vision_users` (`user_id`, `analysis_tag`, `content_tag`)
	SELECT `user_id`, MAX(IF(`next_step` = 'analysis', `turn`, 0)), MAX(IF(`next_step` = 'content' AND `status` = 'pending', `turn`, 0))
	FROM `vision_jobs` WHERE `status` IN ('pending', 'processing') GROUP BY `user_id`
	ON DUPLICATE KEY UPDATE `analysis_tag` = VALUES(`analysis_tag`), `content_tag` = VALUES(`content_tag`);
