ALTER TABLE `vision_users` ADD `analysis_width` tinyint unsigned DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE `vision_users` ADD `content_width` tinyint unsigned DEFAULT 1 NOT NULL;