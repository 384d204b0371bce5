ALTER TABLE `vision_job_attempts` ADD `analysis_calls` int unsigned DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `vision_job_attempts` ADD `content_calls` int unsigned DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `vision_job_outputs` ADD `prompt` varchar(60) character set ascii collate ascii_bin;--> statement-breakpoint
ALTER TABLE `vision_jobs` ADD `platform` varchar(20) character set ascii collate ascii_bin;--> statement-breakpoint
ALTER TABLE `vision_jobs` ADD `complaint` varchar(1000) character set utf8mb4 collate utf8mb4_bin;